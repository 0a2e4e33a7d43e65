import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { createReport } from '../../../lib/web/report.js';
import { over } from '../../support/claims.js';
import { failed, textOf } from './browsing.js';

/* The page that needs no server. */

const EVIL = `"><script>alert(1)</script>\u202egnp.exe`;

test('a report has the overview and the newest failures, with their errors and payloads', async (t) => {
  const rows = [1, 2, 3].map((n) =>
    failed(n, { payload: `{"n":${n}}`, error: `Error: number ${n}\\n    at x` }),
  );
  const { queue, file } = over(t, ...rows);
  const text = textOf(await createReport(queue, { failures: 2 }));
  assert.match(text, /3 failed/);
  assert.match(text, /Newest failures ?the last 2/);
  assert.ok(text.includes(file));
  assert.match(text, /"n": 3/);
  assert.doesNotMatch(text, /"n": 1/);
});

test('it loads nothing, links to nothing, and allows only its own style and script', async (t) => {
  const { queue } = over(t, failed(1, { error: EVIL, payload: JSON.stringify({ EVIL }) }));
  const page = await createReport(queue);
  assert.doesNotMatch(page, /<a\b|<form|<link|<img|\b(?:src|href)=|\u202e/);
  assert.equal(page.match(/<script/g)?.length, 1);
  const [, policy = ''] = /content-security-policy" content="([^"]+)"/.exec(page) ?? [];
  assert.match(policy, /default-src (&#39;|')none/);
  for (const name of ['style', 'script']) {
    const [, text = ''] = new RegExp(`<${name}>(.*?)</${name}>`, 's').exec(page) ?? [];
    assert.ok(text.length > 100, name);
    assert.ok(policy.includes(`sha256-${createHash('sha256').update(text).digest('base64')}`), name);
  }
});

test('redact decides what it shows of a job', async (t) => {
  const { queue } = over(t, failed(1, { payload: '{"secret":"s3cret"}', error: 'Error: s3cret' }));
  const page = await createReport(queue, {
    redact: (job) => ({ ...job, payload: 'hidden', error: 'hidden' }),
  });
  assert.doesNotMatch(page, /s3cret/);
  assert.match(page, /hidden/);
  const { queue: other } = over(t, failed(1, { payload: '"s3cret"' }));
  assert.match(await createReport(other), /s3cret/);
});

test('it is there for a queue without jobs, and refuses options that it does not know', async (t) => {
  const { queue } = over(t);
  assert.match(await createReport(queue), /No jobs yet/);
  for (const options of [{ failures: -1 }, { staleAfter: 'soon' }, { maxAge: Number.NaN }, { colour: 'red' }])
    await assert.rejects(createReport(queue, options as object), { code: 'INVALID_ARGUMENT' });
});
