import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { webhook } from '../../workers/handlers/webhook.js';
import { jobId, line, writeQueue } from '../support/queue-file.js';
import { openTest } from '../support/queues.js';

/* What the text of a job can reach: its handler, and nothing else. */

test('no name or payload reaches a prototype', async (t) => {
  const { queue, store } = openTest(t);
  const text = '{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}}';
  const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];
  const ids = await queue.enqueueMany(names.map((type) => ({ type, payload: JSON.parse(text) })));
  const summary = await queue.processJobs({}, { logger: () => {} });
  assert.deepEqual(Object.entries(summary.unhandled).sort(), names.map((name) => [name, 1]).sort());
  assert.equal(summary.claimed, 0, 'what every object has is no handler');
  assert.deepEqual(Object.keys((await queue.stats()).types).sort(), [...names].sort());
  const seen: unknown[] = [];
  const handlers = Object.fromEntries(
    names.map((name) => [name, (payload: unknown) => void seen.push(payload)]),
  );
  await queue.processJobs(handlers);
  await store.compact();
  for (const id of ids) assert.deepEqual((await queue.getJob(id))?.payload, JSON.parse(text));
  for (const payload of seen) assert.deepEqual(payload, JSON.parse(text));
  for (const object of [{}, [], Object, summary])
    assert.equal((object as { polluted?: 1 }).polluted, undefined);
});

test('no field of a hostile file is used as a path, or run', async (t) => {
  const { queue, file, clock } = openTest(t);
  const hostile = [
    '../../x',
    '/etc/passwd',
    '$(touch x)',
    '`touch x`',
    '; touch x',
    '<%= process.exit(1) %>',
    '=1+1',
  ];
  writeQueue(
    file,
    ...hostile.flatMap((text, n) => [
      line({ id: text, type: text, locked_by: text, payload: JSON.stringify(text) }),
      line({ id: `${text}-${n}`, status: 'processing', locked_by: `${text}.b.c.${text}.1.x`, started_at: 1 }),
      line({ id: `done${text}`, status: 'completed', version: 3, finished_at: `-${n}`, result: text }),
      line({ id: jobId(n + 1), status: 'failed', finished_at: text, error: text }),
    ]),
  );
  await queue.processJobs({ email: () => {} }, { logger: () => {} });
  clock.advance(30 * 24 * 3_600_000);
  await queue.compact();
  assert.deepEqual(readdirSync(dirname(file)).sort(), ['archive', 'queue.tsv', 'queue.tsv.tick']);
  assert.deepEqual(
    readdirSync(`${dirname(file)}/archive`).filter((name) => !/^queue-\d{4}-\d\d\.tsv$/.test(name)),
    [],
  );
  for (const id of hostile) assert.equal((await queue.getJob(id, { archive: true }))?.id, id);
});

test('a webhook goes only to http and https, and has no line ends in its headers', async () => {
  const context = { job: { id: jobId(1), attempts: 1 }, signal: new AbortController().signal };
  for (const payload of [
    { url: 'file:///etc/passwd' },
    { url: 'data:text/plain,x' },
    { url: 'javascript:1' },
    { url: ' http://localhost:1/' },
    { url: { toString: () => 'http://localhost:1/' } },
    { url: 'http://localhost:1/', method: 'GET\r\nX: y' },
    { url: 'http://localhost:1/', method: 'CONNECT' },
    { url: 'http://localhost:1/', headers: { 'x\r\ny': 'z' } },
    { url: 'http://localhost:1/', headers: { x: 'y\r\nz: 1' } },
    { url: 'http://user:secret@localhost:1/' },
  ])
    await assert.rejects(webhook(payload as never, context as never), (error: Error) => {
      assert.equal(error.name, 'PermanentError', JSON.stringify(payload));
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
});
