// Kills workers at random moments while they run jobs of 20 steps, half of which sleep in between. Then looks whether each
// recorded step ran no more, none was skipped, and all results are as recorded:
// tsx scripts/nightly/steps.ts [--kills N] [--minutes M]
//
// Ends with code 1 if one was not so. Run `npm run build` before.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { systemFs } from '../../lib/file/disk/fs.js';
import { readSteps } from '../../lib/file/job-files/steps-file.js';
import { openQueue } from '../../lib/open-queue.js';
import { type EndedJob, judge, readLedger } from './steps/judge.js';

const { values } = parseArgs({
  options: { kills: { type: 'string', default: '10000' }, minutes: { type: 'string', default: 'Infinity' } },
});
const most = Number(values.kills);
const end = Date.now() + Number(values.minutes) * 60_000;
const STEPS = 20;
const AT_A_TIME = 4;
/** So many jobs are added at a time, once fewer are left. */
const JOBS = 30;
/** The longest time from a job's beginning to its worker's end, in ms. */
const LONGEST = 80;

const folder = mkdtempSync(join(tmpdir(), 'tsvq-steps-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, 'queue.tsv');
const ledger = join(folder, 'ledger.tsv');
const queue = openQueue(file, { anyFileSystem: true, retention: '1y' });
const script = fileURLToPath(new URL('steps/worker.js', import.meta.url));
const start = () => spawn(process.execPath, [script, file, ledger], { stdio: ['ignore', 'pipe', 'inherit'] });

const open = async (): Promise<number> => {
  const { pending, processing } = await queue.stats();
  return pending + processing;
};

const began = Date.now();
let kills = 0;
let jobs = 0;
let adding: Promise<void> | undefined;

async function addJobs(): Promise<void> {
  if ((await open()) >= JOBS) return;
  const more = Array.from({ length: JOBS }, (_, i) => ({
    type: 'order',
    payload: { steps: STEPS, sleeps: i % 2 === 0 },
  }));
  await queue.enqueueMany(more);
  jobs += JOBS;
}

/** Starts workers one after another, and kills each soon after its first job has begun. */
async function killWorkers(): Promise<void> {
  while (kills < most && Date.now() < end) {
    adding ??= addJobs().finally(() => {
      adding = undefined;
    });
    await adding;
    const child = start();
    const ended = once(child, 'exit');
    const begun = once(child.stdout, 'data').then(() => true);
    // Jobs that may have killed their worker wait for a while; without another job, a worker has nothing to do.
    if (!(await Promise.race([begun, ended.then(() => false)]))) continue;
    const timer = setTimeout(() => child.kill('SIGKILL'), Math.random() * LONGEST);
    const [, signal] = await ended;
    clearTimeout(timer);
    if (signal === 'SIGKILL') kills++;
  }
}

await Promise.all(Array.from({ length: AT_A_TIME }, killWorkers));
const killing = Math.round((Date.now() - began) / 1000);
while ((await open()) > 0) {
  const worker = start();
  worker.stdout.resume();
  await once(worker, 'exit');
}
const ended: EndedJob[] = [];
for await (const { id, status, result } of queue.iterateJobs()) {
  const steps = await readSteps({ fs: systemFs, realPath: file }, id);
  const recorded = new Map(steps.map((step): [string, unknown] => [step.name, JSON.parse(step.result)]));
  ended.push({ id, status, result, recorded });
}
await queue.close();
const runs = readLedger(readFileSync(ledger, 'utf8'));
const problems = judge(runs, ended, STEPS);
if (ended.length !== jobs) problems.push(`${jobs} jobs were added, and ${ended.length} are there`);
console.log(
  `steps: ${kills} workers killed in ${killing} s, ${jobs} jobs, ${runs.length} runs of ${jobs * STEPS} steps, ${problems.length} problems`,
);
for (const problem of problems.slice(0, 20)) console.log(problem);
process.exitCode = problems.length > 0 ? 1 : 0;
