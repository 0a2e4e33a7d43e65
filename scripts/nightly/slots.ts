// Kills workers at random moments while 20 schedules of a second make jobs. Then looks whether each slot has one job:
// tsx scripts/nightly/slots.ts [--kills N]
//
// Ends with code 1 if a slot has no job, or two, or a job did not complete. Run `npm run build` before.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openQueue } from '../../lib/open-queue.js';

const { values } = parseArgs({
  options: { kills: { type: 'string', default: '10000' } },
});
const most = Number(values.kills);
const SCHEDULES = 20;
const AT_A_TIME = 4;

const folder = mkdtempSync(join(tmpdir(), 'tsvq-slots-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, 'queue.tsv');
const queue = openQueue(file, { durability: 'os' });
for (let i = 0; i < SCHEDULES; i++) {
  const overlap = i % 2 === 0 ? 'allow' : 'queue';
  await queue.schedule(`s${i}`, { type: 'beat', every: '1s', catchUp: 'all', overlap });
}

let kills = 0;
const script = fileURLToPath(new URL('slots/worker.js', import.meta.url));
const children = new Set<ChildProcess>();

/** Starts workers one after another, and kills each after up to half a second of work. */
async function killWorkers(): Promise<void> {
  while (kills < most) {
    const child = spawn(process.execPath, [script, file], { stdio: ['ignore', 'ignore', 'inherit'] });
    children.add(child);
    const ended = once(child, 'exit') as Promise<[number | null, string | null]>;
    // A start takes a tenth of a second or more, during which nothing is written.
    const timer = setTimeout(() => child.kill('SIGKILL'), 60 + Math.random() * 440);
    const [code, signal] = await ended;
    clearTimeout(timer);
    children.delete(child);
    if (signal !== 'SIGKILL') throw new Error(`a worker ended by itself, with ${code ?? signal}`);
    kills++;
  }
}

function problemsOf(name: string, slots: readonly number[]): string[] {
  const sorted = [...slots].sort((a, b) => a - b);
  const problems: string[] = [];
  for (const [i, slot] of sorted.entries()) {
    const before = sorted[i - 1];
    if (before === slot) problems.push(`${name}: two jobs for the slot ${slot}`);
    else if (before !== undefined && before !== slot - 1000)
      problems.push(`${name}: ${(slot - before) / 1000 - 1} slots after ${before} have no job`);
  }
  return problems;
}

await Promise.all(Array.from({ length: AT_A_TIME }, killWorkers));
await queue.processJobs(
  { beat: () => {} },
  { maxWorkers: 100, maxAttempts: 1_000_000, concurrency: 10, logger: () => {} },
);
const slots = new Map<string, number[]>();
const problems: string[] = [];
for await (const { id, status, schedule } of queue.iterateJobs()) {
  if (status !== 'completed') problems.push(`job ${id} is ${status}`);
  if (schedule?.slot === undefined) problems.push(`job ${id} has no slot`);
  else slots.set(schedule.name, [...(slots.get(schedule.name) ?? []), schedule.slot.getTime()]);
}
if (slots.size !== SCHEDULES) problems.push(`${slots.size} schedules made jobs`);
for (const [name, times] of slots) problems.push(...problemsOf(name, times));
for (const { name, fired } of await queue.listSchedules()) {
  const made = slots.get(name)?.length;
  if (fired !== made) problems.push(`${name}: its row says ${fired} jobs, and there are ${made}`);
}
await queue.close();
const count = [...slots.values()].reduce((sum, times) => sum + times.length, 0);
console.log(`slots: ${kills} workers killed, ${count} slots, ${problems.length} problems `);
for (const problem of problems.slice(0, 20)) console.log(problem);
process.exitCode = problems.length > 0 ? 1 : 0;
