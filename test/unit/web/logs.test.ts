import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Job } from '../../../lib/job/job.js';
import { jobId, line } from '../../support/queue-file.js';
import { served } from './asking.js';

const ID = jobId(1);

/** A page of a queue with a job that runs, and what it has said. */
function running(t: TestContext, redact?: (job: Job) => Job) {
  const now = Date.now() / 1000;
  const row = {
    id: ID,
    status: 'processing',
    attempts: 2,
    started_at: now,
    locked_by: 'h.b.n.1.2.3',
    version: 4,
  };
  const asked = served(t, [line({ ...row, created_at: now - 9, run_at: now - 9 })], {
    ...(redact && { redact }),
  });
  const folder = join(dirname(asked.queue.file), 'logs');
  mkdirSync(folder);
  const say = (...lines: string[]): void =>
    writeFileSync(join(folder, `queue.${ID}.log`), lines.map((text) => `${now}\t2\t${text}\n`).join(''), {
      flag: 'a',
    });
  say('start\t', 'log\t<script>alert(1)</script> of ann', 'progress\t42.5 page 9 of ann');
  return { ...asked, say };
}

test('the page of a running job shows how far it is and what it said, and changes with its log', async (t) => {
  const { ask, say } = running(t);
  const first = await ask(`GET /jobs/${ID}`);
  assert.match(
    first.text,
    /<progress max="100" value="42\.5">42 %<\/progress> 42 % <span class="dim">page 9 of ann/,
  );
  assert.match(first.text, /&lt;script>alert\(1\)|&lt;script&gt;alert\(1\)/);
  assert.ok(!first.text.includes('<script>alert'));
  say('progress\t43 page 10');
  const second = await ask(`GET /jobs/${ID}`, {
    headers: { 'if-none-match': String(first.headers.get('etag')) },
  });
  assert.equal(second.status, 200);
  assert.match(second.text, /value="43">/);
});

test('overview and list say how far running jobs are', async (t) => {
  const { ask } = running(t);
  for (const path of ['/', '/jobs?status=processing'])
    assert.match((await ask(`GET ${path}`)).text, /42 % page 9 of ann/, path);
});

test('the JSON of a job has its progress and log, and that of lists the progress', async (t) => {
  const { ask } = running(t);
  const { body } = await ask(`GET /api/jobs/${ID}`);
  assert.deepEqual(body.progress, { percent: 42.5, message: 'page 9 of ann' });
  assert.deepEqual(
    body.log.map(({ attempt, kind, text }: Record<string, unknown>) => [attempt, kind, text]),
    [
      [2, 'start', ''],
      [2, 'log', '<script>alert(1)</script> of ann'],
      [2, 'progress', '42.5 page 9 of ann'],
    ],
  );
  assert.equal((await ask('GET /api/jobs')).body.jobs[0].progress.percent, 42.5);
  assert.equal((await ask('GET /api/status')).body.running[0].progress.percent, 42.5);
});

test('with redact no log is shown, and of progress only what redact leaves', async (t) => {
  const hide = ({ progress, ...job }: Job): Job =>
    ({ ...job, progress: progress && { percent: 1, message: '…' } }) as Job;
  const broken = (): Job => {
    throw new Error('no');
  };
  for (const redact of [hide, broken, ({ progress: _, ...job }: Job) => job as Job]) {
    const { ask } = running(t, redact);
    for (const path of ['/', '/jobs', `/jobs/${ID}`, '/api/jobs', `/api/jobs/${ID}`, '/api/status']) {
      const { text } = await ask(`GET ${path}`);
      assert.ok(!text.includes('of ann'), `${path}: ${text}`);
    }
    assert.equal((await ask(`GET /api/jobs/${ID}`)).body.progress.percent, 42.5);
  }
});
