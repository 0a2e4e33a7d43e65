import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CHANGES } from '../../lib/view/changes.js';
import { read } from '../support/pages.js';
import { jobId } from '../support/queue-file.js';
import { type Answer, ended, failed, served, waiting } from './web/asking.js';

/* What docs/page-api.md says of the interface is so. */

const page = read('docs/page-api.md');

/** The queue that the examples are about. */
const lines = (): string[] => {
  const error = 'Error: connect ECONNREFUSED 10.0.4.17:5432';
  return [
    failed(1, { payload: '{"to":"ann@example.com"}', error, finished_at: Date.now() / 1000 - 1 }),
    ended(2),
    failed(3, { error: 'Error: other' }),
    waiting(4),
    failed(5, { error }),
  ];
};

interface Example {
  readonly request: string;
  readonly headers: Record<string, string>;
  readonly body: string | undefined;
  readonly answer: unknown;
}

function examples(): Example[] {
  const found = [...page.matchAll(/```http\n(.*?)```.*?```json\n(.*?)```/gs)];
  return found.map(([, request = '', answer = '']) => {
    const [head = '', body] = request.trim().split('\n\n');
    const [first = '', ...headers] = head.split('\n');
    return {
      request: first,
      headers: Object.fromEntries(headers.map((line) => line.split(': ') as [string, string])),
      body,
      answer: JSON.parse(answer),
    };
  });
}

/** Returns a value with the kinds of its parts instead of themselves. Of a list the first element counts. */
function shape(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shape);
  if (typeof value !== 'object' || value === null) return typeof value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, part]) => [name, shape(part)]),
  );
}

const ask = async (t: Parameters<typeof served>[0], { request, headers, body }: Example): Promise<Answer> => {
  const { ask, queue } = served(t, lines());
  await queue.schedule('nightly', { type: 'backup', cron: '30 2 * * *' });
  return ask(request, { headers, ...(body !== undefined && { body }) });
};

test('each example is answered as it is shown', async (t) => {
  const all = examples();
  assert.equal(all.length, page.split('```http').length - 1);
  assert.ok(all.length >= 7);
  for (const example of all) {
    const { body } = await ask(t, example);
    const shown = example.answer as Record<string, unknown>;
    // An example that shows a part says so before.
    const isPart = 'explanation' in shown;
    const own = isPart ? Object.fromEntries(Object.keys(shown).map((name) => [name, body[name]])) : body;
    assert.deepEqual(shape(own), shape(shown), example.request);
    for (const name of ['changed', 'left', 'more', 'total', 'code', 'error', 'level', 'problems', 'outcome'])
      if (name in shown) assert.deepEqual(body[name], shown[name], `${example.request}: ${name}`);
  }
});

test('the page names all routes, and no others', async (t) => {
  const { ask, queue } = served(t, lines());
  await queue.schedule('nightly', { type: 'backup', cron: '30 2 * * *' });
  const names = [...page.matchAll(/^\| `((?:GET|POST) [^`]+)`/gm)].map(([, name]) => name as string);
  assert.equal(names.length, 12);
  for (const name of names) {
    const path = name.replace(':id', jobId(1)).replace(':name', 'nightly');
    const { status } = await ask(path);
    assert.ok(![404, 405].includes(status), `${name}: ${status}`);
  }
  for (const change of Object.keys(CHANGES)) assert.ok(page.includes(`\`${change}\``) || change === 'retry');
});
