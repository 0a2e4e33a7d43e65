/*
 * The main job from end to end: jobs are enqueued as a web app would, a schedule makes one more, and the worker that
 * cron starts runs them.
 *
 *   npm start [folder]
 *
 * The folder (default: data/demo) gets a queue of its own. Exits with 1 if anything turns out otherwise than expected.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, relative, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type JobOf, openQueue, type Status } from 'tsvq';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = resolve(process.argv[2] ?? join(root, 'data/demo'));
const file = join(folder, 'queue.tsv');
const outbox = join(folder, 'outbox');

mkdirSync(folder, { recursive: true });
for (const name of readdirSync(folder))
  if (name.startsWith('queue.tsv') || name === 'outbox') rmSync(join(folder, name), { recursive: true });

/** The receiver of the webhooks: /orders is busy at first, /old is gone for good. */
const seen = new Set<unknown>();
const receiver = createServer((request, response) => {
  const key = request.headers['idempotency-key'];
  const status = request.url === '/old' ? 410 : seen.has(key) ? 200 : 503;
  seen.add(key);
  console.log(`  [receiver] ${request.method} ${request.url} from job ${key}: ${status}`);
  response.writeHead(status, status === 503 ? { 'retry-after': '1' } : {}).end();
});
await once(receiver.listen(0, '127.0.0.1'), 'listening');
const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;

console.log(`Five jobs go into ${show(file)}:`);
const queue = openQueue(file);
const email = await queue.enqueue('send_email', {
  to: 'Ann <ann@example.com>',
  subject: 'Welcome, Ann',
  text: 'Your account is ready.\n',
});
// The group lets the worker count the webhooks to each receiver, so that a slow one doesn't hold up the others.
const options = { group: new URL(url).host };
const total = '19.90';
const order = await queue.enqueue('webhook', { url: `${url}/orders`, body: { order: 17, total } }, options);
const gone = await queue.enqueue('webhook', { url: `${url}/old`, body: { order: 17 } }, options);
const tomorrow = await queue.enqueue(
  'send_email',
  { to: 'ann@example.com', subject: 'How is it going?', text: 'One day in.\n' },
  { delay: '1d' },
);
const mistake = await queue.enqueue('webhook', { url: `${url}/orders`, body: { order: 18 } }, options);
await queue.cancelJob(mistake);
const ids = [email, order, gone, tomorrow, mistake];
await printQueue();

console.log('\nA schedule makes one more each day, and is due for the first time in a second.');
const daily = await queue.schedule('report', {
  type: 'send_email',
  payload: { to: 'ann@example.com', subject: 'Your report', text: 'Nothing new.\n' },
  every: '1d',
  startAt: new Date(Date.now() + 1_000),
});
await sleep(Math.max(0, Number(daily.nextRun) - Date.now()));

console.log('\ncron starts the worker:');
await tick();
const busy = await queue.getJob(order);
if (busy?.status === 'pending') {
  console.log(
    '\nThe receiver was busy, and asked to come back in a second; then cron starts the worker again:',
  );
  await sleep(Math.max(0, busy.runAt.getTime() - Date.now()));
  await tick();
}
receiver.close();
const [report] = await queue.listSchedules();
ids.push(report?.lastJob ?? 'none');

console.log(`\nNow ${show(file)} holds:`);
await printQueue();

const expected: [id: string, status: Status, attempts: number][] = [
  [email, 'completed', 1],
  [order, 'completed', 2],
  [gone, 'failed', 1],
  [tomorrow, 'pending', 0],
  [mistake, 'cancelled', 0],
];
const wrong: string[] = [];
if (report?.lastJob !== undefined) expected.push([report.lastJob, 'completed', 1]);
if (report?.fired !== 1) wrong.push(`the schedule has made ${report?.fired} jobs, not 1`);
for (const [id, status, attempts] of expected) {
  const job = await queue.getJob(id);
  if (job?.status !== status || job.attempts !== attempts)
    wrong.push(
      `job ${id} is ${job?.status} after ${job?.attempts} attempts, not ${status} after ${attempts}`,
    );
}
const message = join(outbox, `${email}.eml`);
if (!existsSync(message)) wrong.push(`${message} is missing`);
for (const line of wrong) console.error(`WRONG: ${line}`);
if (wrong.length > 0) process.exit(1);

console.log(`
All as expected. Look for yourself:
  the queue                 ${show(file)}
  the e-mail, as sent       ${show(message)}
  what waits                awk -F'\\t' '$4 == "pending"' ${show(file)}
  the schedule              awk -F'\\t' '$4 == "recurring"' ${show(file)}
  one job                   grep ${email} ${show(file)}`);

/** Runs the worker as cron does: from another folder, with hardly any environment. */
async function tick(): Promise<void> {
  const worker = spawn(process.execPath, [join(root, 'workers/queue_worker.js')], {
    cwd: '/',
    env: { PATH: process.env.PATH, QUEUE_FILE: file },
    stdio: 'inherit',
  });
  const [code] = await once(worker, 'exit');
  if (code !== 0) throw new Error(`the worker ended with exit code ${code}`);
}

async function printQueue(): Promise<void> {
  const jobs = await queue.listJobs();
  jobs.sort((a, b) => ids.indexOf(a.id) - ids.indexOf(b.id));
  printTable(['id', 'type', 'status', 'attempts', 'run at', 'result or error'], jobs.map(row));
}

function row(job: JobOf<string, unknown>): string[] {
  const outcome = job.result === undefined ? (job.error ?? '') : JSON.stringify(job.result);
  const at = job.runAt.toISOString().slice(0, 19).replace('T', ' ');
  return [job.id, job.type, job.status, String(job.attempts), at, outcome.split('\n')[0]?.slice(0, 60) ?? ''];
}

function printTable(head: string[], rows: string[][]): void {
  const widths = head.map((_, i) => Math.max(...[head, ...rows].map((cells) => cells[i]?.length ?? 0)));
  for (const cells of [head, ...rows])
    console.log(`  ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')}`.trimEnd());
}

function show(path: string): string {
  const short = relative(process.cwd(), path);
  return short.startsWith('..') ? path : short;
}
