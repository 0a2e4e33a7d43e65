/*
 * Power is lost at each step of a job that records steps. What was told as recorded, or was returned as recorded to a
 * later attempt, is there afterwards; and nothing that was never recorded.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StepsFile } from '../../lib/file/job-files/steps-file.js';
import type { RecordedStep } from '../../lib/job/step.js';
import { isThorough } from '../support/samples.js';
import { choicesAt, randomFrom } from './power/choices.js';
import { afterPowerLoss } from './power/crash.js';
import { Disk } from './power/disk.js';
import { EMPTY, type Snapshot } from './power/snapshot.js';

const SEED = Number(process.env.SEED ?? 1);
const QUEUE = '/srv/queue.tsv';
const ID = 'a1b2c3d4e5f60718';

/** What a handler was told, and how long the log was then. */
interface Told {
  readonly at: number;
  readonly name: string;
  readonly result: string;
}

const now = (): number => Date.UTC(2030, 0, 1);

/** A disk with an empty queue, all of it durable. */
function base(): Snapshot {
  const disk = new Disk(EMPTY, now);
  disk.fs.mkdir('/srv');
  disk.fs.close(disk.fs.open(QUEUE, 'wx'));
  return new Map(disk.state);
}

const journalOn = ({ fs }: Disk): StepsFile =>
  new StepsFile({ fs, realPath: QUEUE, options: { durability: 'sync' } }, ID);

const stepOf = (name: string, result: string, attempt = 1): RecordedStep => ({
  ...{ name, attempt, at: now(), result },
});

/** Results of all lengths: one that crosses pages, and numbers that are still numbers when they are cut. */
const RESULTS = ['12345', '', JSON.stringify('x'.repeat(5000)), '{"n":1}', '1893456000.25', '[1,2,3]'];

/** Two attempts; the second one goes on where the first one was killed. */
async function history(disk: Disk): Promise<{ asked: Map<string, string>; told: Told[] }> {
  const asked = new Map<string, string>();
  const told: Told[] = [];
  const note = ({ name, result }: RecordedStep): void => {
    told.push({ at: disk.log.length, name, result });
  };
  for (const attempt of [1, 2]) {
    const journal = journalOn(disk);
    for (const step of await journal.read()) note(step);
    for (const [n, result] of RESULTS.entries()) {
      const name = `step ${attempt}.${n}`;
      asked.set(name, result);
      const recording = journal.record(stepOf(name, result, attempt));
      // The attempt is killed after its write, and before its sync. The next one finds the line.
      if (attempt === 1 && n === RESULTS.length - 1) break;
      note(await recording);
    }
    // Side by side, they share a sync.
    if (attempt === 2) {
      for (const name of ['left', 'right']) asked.set(name, '7');
      for (const step of await Promise.all(
        ['left', 'right'].map((name) => journal.record(stepOf(name, '7'))),
      ))
        note(step);
    }
    journal.close();
  }
  return { asked, told };
}

/** Reads what is left, goes on recording, and reads again. @returns what is wrong */
async function recover(state: Snapshot, asked: ReadonlyMap<string, string>, told: readonly Told[]) {
  const disk = new Disk(state, now);
  const wrong: string[] = [];
  const journal = journalOn(disk);
  const found = new Map((await journal.read()).map(({ name, result }) => [name, result]));
  for (const { name, result } of told)
    if (found.get(name) !== result)
      wrong.push(`${name} was told as ${result.slice(0, 20)}, and is ${found.get(name)}`);
  for (const [name, result] of found)
    if (asked.get(name) !== result) wrong.push(`${name} is ${result.slice(0, 20)}, which was never recorded`);
  await journal.record(stepOf('after', '"later"', 3));
  journal.close();
  const again = new Map((await journalOn(disk).read()).map(({ name, result }) => [name, result]));
  assert.deepEqual(again, new Map([...found, ['after', '"later"']]));
  return wrong;
}

test('power loss at any step loses no recorded step, and makes none up', async (t) => {
  const disk = new Disk(base(), now);
  const { asked, told } = await history(disk);
  const { log } = disk;
  assert.ok(told.length > 2 * RESULTS.length, 'the second attempt got the steps of the first');
  const random = randomFrom(SEED);
  let states = 0;
  for (let length = 0; length <= log.length; length++) {
    const known = told.filter(({ at }) => at <= length);
    const thoroughness = { everyNthCut: isThorough ? 1 : 11, samples: isThorough ? 40 : 10 };
    for (const fates of choicesAt(log.slice(0, length), thoroughness, random)) {
      const wrong = await recover(afterPowerLoss(disk.base, log.slice(0, length), fates), asked, known);
      states++;
      assert.deepEqual(wrong, [], `SEED=${SEED}, after ${length} of ${log.length} operations`);
    }
  }
  t.diagnostic(`${states} states`);
  assert.ok(states > 1000, `${states} states`);
});

test('a disk that confirms syncs without doing them is found', async () => {
  const disk = new Disk(base(), now);
  const lying = { ...disk.fs, fdatasync: async () => {} };
  const { told, asked } = await history({ fs: lying, log: disk.log } as unknown as Disk);
  const random = randomFrom(SEED);
  for (const fates of choicesAt(disk.log, { everyNthCut: 50, samples: 1 }, random)) {
    const wrong = await recover(afterPowerLoss(disk.base, disk.log, fates), asked, told);
    if (wrong.length > 0) return;
  }
  assert.fail('nothing was found');
});
