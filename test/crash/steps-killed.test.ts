/*
 * A worker is killed at each call to the file system of a job with steps, and in the middle of each write. Another one
 * goes on: no step that is in the file runs again, and none is skipped.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openQueue } from 'tsvq';
import { systemFs } from '../../lib/file/disk/fs.js';
import { readSteps } from '../../lib/file/job-files/steps-file.js';
import { bundleCrashChild } from '../fixtures/bundle.js';
import { journaled } from '../fixtures/children.js';
import type { CrashConfig } from '../fixtures/crash-child.js';
import { crashHandlers } from '../fixtures/crash-handlers.js';
import { openJournal } from '../fixtures/journal.js';
import { HEADER, jobId, line } from '../support/queue-file.js';
import { sampled } from '../support/samples.js';

const ID = jobId(1);
const NAMES = ['one', 'two', 'three', 'four'];
/** So many deaths; in the nightly form, every one. */
const MOST = 14;

describe('after a death at any call, no recorded step runs again, and none is skipped', () => {
  let folder: string;
  let bundle: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tsvq-'));
    bundle = await bundleCrashChild(folder);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** Runs the job up to a death, and on from there. @returns the calls, of a run without a death */
  async function run(killAt: number, cut: number): Promise<string[]> {
    const place = join(folder, `${killAt}-${cut}`);
    mkdirSync(place);
    const [file, journal] = [join(place, 'queue.tsv'), join(place, 'journal')];
    writeFileSync(file, `${HEADER}\n${line({ id: ID, type: 'stepping' })}`);
    const config: CrashConfig = { file, journal, scenario: 'steps', killAt, cut, signal: 'SIGKILL', ids: [] };
    const child = spawn(process.execPath, [bundle, JSON.stringify(config)], { stdio: 'ignore' });
    await once(child, 'close');

    const recorded = async () =>
      new Map((await readSteps({ fs: systemFs, realPath: file }, ID)).map((step) => [step.name, step]));
    const ran = () => NAMES.map((name) => journaled(journal, 'ran').filter((other) => other === name).length);
    const atDeath = { steps: await recorded(), ran: ran() };
    const queue = openQueue(file, { anyFileSystem: true });
    await queue.processJobs(crashHandlers(openJournal(journal)), {
      backoff: [0],
      linger: 200,
      logger: () => {},
    });
    const job = await queue.getJob(ID);
    await queue.close();
    assert.equal(job?.status, 'completed', job?.error);
    const steps = await recorded();
    for (const [i, name] of NAMES.entries()) {
      const known = atDeath.steps.get(name);
      if (known === undefined) assert.ok((ran()[i] as number) > 0, `step ${name} was skipped`);
      else {
        assert.equal(ran()[i], atDeath.ran[i], `step ${name} ran again after it was recorded`);
        assert.deepEqual(steps.get(name), known);
      }
    }
    const sleep = atDeath.steps.get('sleep#1');
    if (sleep !== undefined) assert.deepEqual(steps.get('sleep#1'), sleep);
    assert.deepEqual(
      job.result,
      NAMES.map((name) => JSON.parse(steps.get(name)?.result ?? '')),
    );
    return journaled(journal, 'step');
  }

  test('a job with steps and a sleep', { timeout: 300_000 }, async (t) => {
    const calls = await run(0, 0);
    const deaths = calls.flatMap((call, i) =>
      (call.startsWith('write') ? [0, 0.3, 0.97] : [0]).map((cut) => ({ killAt: i + 1, cut })),
    );
    const cases = sampled(deaths, MOST);
    t.diagnostic(`${calls.length} calls, ${cases.length} of ${deaths.length} deaths`);
    const lane = async (): Promise<void> => {
      for (let next = cases.shift(); next !== undefined; next = cases.shift())
        await run(next.killAt, next.cut);
    };
    await Promise.all([lane(), lane()]);
  });
});
