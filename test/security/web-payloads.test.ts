import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Queue } from '../../lib/queue.js';
import { openTest } from '../support/queues.js';
import { type Answered, mounted, routesOf } from '../support/web.js';

/* Texts of others, on every page: they must stay texts, show what they hide, and not make a page endless. */

const MARKUP = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "'><svg onload=alert(1)>",
  '</title></textarea></style></pre><script>alert(1)</script>',
  '<!--<script>',
  'javascript:alert(1)',
  '&lt;script&gt;&#60;b&#62;',
  ']]><b>',
  '{{7*7}}<%= 7*7 %>',
];
/** Invisible characters, those that turn the direction of writing, controls, and half a character. */
const HIDDEN = '\u202e\u2066\u200b\u200d\u2028\u0007\u001b[31m\u009b31m\ud800\ufeff';
const TEXT = `${MARKUP.join(' ')} ${HIDDEN} ü 日本 😀`;
const TYPE = '"><img src=x onerror=alert(1)>/?#%&é';

/** A queue in which all that others can write is hostile. */
async function hostile(queue: Queue): Promise<{ id: string; name: string; type: string }> {
  const options = {
    maxAttempts: 1,
    meta: { [MARKUP[1] as string]: MARKUP[0] as string },
    group: MARKUP[2] as string,
  };
  const id = await queue.enqueue(TYPE, { [TEXT]: TEXT }, { ...options, dedupeKey: MARKUP[3] as string });
  await queue.enqueue('works', TEXT, options);
  for (const type of [TYPE, 'retries']) await queue.enqueue(type, MARKUP, { maxAttempts: 3 });
  await queue.processJobs({
    [TYPE]: () => Promise.reject(new Error(TEXT)),
    retries: () => Promise.reject(TEXT),
    works: () => ({ [TEXT]: TEXT }),
  });
  await queue.enqueue(TYPE, TEXT, { delay: '1h' });
  await queue.enqueue(TYPE, TEXT);
  await queue.enqueue('unhandled', TEXT);
  await queue.schedule('nightly', { type: TYPE, payload: { [TEXT]: TEXT }, every: '1d' });
  await queue.pause(TYPE, { by: MARKUP[1] as string });
  return { id, name: 'nightly', type: TYPE };
}

/** The elements that pages may have, and none that a browser would run or fetch by itself from elsewhere. */
const FORBIDDEN =
  /<(script(?! src="\/)|img(?! src="\/)|iframe|object|embed|base|style|meta http-equiv(?!="refresh"))/i;

function isHarmless({ headers, body }: Answered, label: string): void {
  const type = headers['content-type'] ?? '';
  if (!type.startsWith('text/html')) {
    assert.match(
      type,
      /^(application\/json|application\/openmetrics-text|text\/(plain|css|javascript)|image\/svg\+xml)/,
      label,
    );
    return;
  }
  const tags = body.match(/<[a-z][^>]*>/gi) ?? [];
  for (const tag of tags) {
    assert.doesNotMatch(tag, FORBIDDEN, label);
    assert.doesNotMatch(tag.replace(/"[^"]*"/g, '""'), /\s(on\w+|style|srcdoc)\b/i, label);
    for (const [, address = ''] of tag.matchAll(/\s(?:href|src|action|formaction)="([^"]*)"/g))
      assert.match(address, /^(\/(?!\/)|#|\?|$)/, label);
  }
  // All but the values of fields, which have to come back as they are.
  const shown = body.replace(/\svalue="[^"]*"/g, '');
  assert.doesNotMatch(shown, /(?![\t\n])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u, label);
}

const PARAMETERS = ['q', 'type', 'group', 'status', 'after', 'tab', 'done'];
const QUERIES = ['', '?%ff=%', ...PARAMETERS.map((name) => `?${new URLSearchParams({ [name]: TEXT })}`)];

test('markup and hidden characters in jobs do nothing on any page, whatever the address asks for', async (t) => {
  const { queue } = openTest(t);
  const names = await hostile(queue);
  const ask = await mounted(t, queue, { access: () => 'write' });
  const routes = routesOf(queue, names).filter(({ method }) => method === 'GET');
  let pages = 0;
  for (const { path } of routes.filter(({ path }) => !path.startsWith('/assets/')))
    for (const query of QUERIES) {
      const answer = await ask(`${path}${query}`);
      assert.ok(
        answer.status < 500 || path === '/healthz',
        `${path}${query}: ${answer.status} ${answer.body}`,
      );
      isHarmless(answer, `${path}${query}`);
      if (answer.body.includes('&lt;script&gt;') || answer.body.includes('&lt;img')) pages++;
    }
  assert.ok(pages > 0, 'no page shows what was planted');
});

test('markup in a path does nothing on the page that refuses it', async (t) => {
  const ask = await mounted(t, openTest(t).queue, { access: () => 'write', base: '/q' });
  for (const text of [...MARKUP, '\u202e', '%', '%ff', '%00', '../../..', '"']) {
    const path = text.startsWith('%') ? text : encodeURIComponent(text);
    for (const room of ['/q/', '/q/jobs/', '/q/nothing/', '/elsewhere/']) {
      const answer = await ask(`${room}${path}`);
      assert.ok(answer.status >= 400 && answer.status < 500, `${room}${path}: ${answer.status}`);
      isHarmless(answer, `${room}${path}`);
    }
  }
});

test('a form that is hostile itself does nothing on the page that answers it', async (t) => {
  const { queue } = openTest(t);
  const names = await hostile(queue);
  const ask = await mounted(t, queue, { access: () => 'write' });
  const routes = routesOf(queue, names).filter(({ method }) => method !== 'GET');
  for (const { method, path } of routes)
    for (const [type, body] of [
      [
        'application/x-www-form-urlencoded',
        new URLSearchParams({ act: TEXT, id: TEXT, type: TEXT, name: TEXT, group: TEXT, q: TEXT }).toString(),
      ],
      ['application/x-www-form-urlencoded', '%ff%00=%'],
      ['application/json', JSON.stringify({ ids: [TEXT], filter: { type: TEXT }, type: TEXT })],
      ['application/json', '{'],
      ['multipart/form-data; boundary=x', '--y'],
      ['text/plain', TEXT],
      ['', ''],
    ] as const) {
      const answer = await ask(path, { method, body, headers: { 'content-type': type } });
      assert.ok(
        answer.status < 500 || path === '/healthz',
        `${method} ${path} ${type} ${body}: ${answer.status} ${answer.body}`,
      );
      isHarmless(answer, `${method} ${path} ${type}`);
      const { location = '/' } = answer.headers;
      assert.match(location, /^\/(?!\/)/, `${method} ${path} leads to ${location}`);
    }
});

test('a payload, a result and an error of a megabyte are no page of many megabytes', async (t) => {
  const { queue } = openTest(t);
  const large = '<'.repeat(2 ** 20 - 100);
  const id = await queue.enqueue('large', large, { maxAttempts: 1 });
  await queue.enqueue('result', large);
  await queue.processJobs({ large: () => Promise.reject(new Error(large)), result: () => large });
  await queue.enqueue('retries', large);
  await queue.processJobs({ retries: () => Promise.reject(new Error(large)) });
  const ask = await mounted(t, queue, { access: () => 'write' });
  const routes = routesOf(queue, { id, name: 'nightly', type: 'large' }).filter(
    ({ method }) => method === 'GET',
  );
  for (const { path } of routes.filter(
    ({ path }) => !path.includes('/api/') && !path.startsWith('/assets/'),
  )) {
    const { body } = await ask(path);
    const most = path.includes(id) ? 12e6 : 200e3;
    assert.ok(body.length < most, `${path} has ${body.length} characters`);
  }
  assert.ok((await ask('/jobs?q=%3C%3C%3C')).body.length < 200e3);
});
