// Kills apps, relays and workers around an outbox at random moments. Then looks whether each committed order has exactly
// one job, and no other has one: tsx scripts/nightly/outbox.ts [--kills N] [--postgres]
//
// Ends with code 1 otherwise, and with 77 if there is no database to try it with. Run `npm run build` before.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openQueue } from 'tsvq';
import { archivedJobs } from '../../lib/file/compaction/archive.js';
import { systemFs } from '../../lib/file/disk/fs.js';
import { startPostgres, withoutPostgres } from '../../test/support/postgres.js';
import { withoutSqlite } from '../../test/support/sqlite.js';
import { connect, type Orders } from './outbox/database.js';

const { values } = parseArgs({
  options: { kills: { type: 'string', default: '10000' }, postgres: { type: 'boolean', default: false } },
});
const most = Number(values.kills);
const obstacle = values.postgres ? withoutPostgres : withoutSqlite;
if (obstacle !== false) {
  console.log(`skipped: ${obstacle}`);
  process.exit(77);
}
const server = values.postgres ? await startPostgres() : undefined;
/** How many kills one queue sees, so that reading it stays quick. */
const KILLS_A_ROUND = 1000;
/** The longest that a process works, in ms. */
const MOST_MS = values.postgres ? 500 : 150;
const ROLES = ['app', 'relay', 'relay', 'worker'] as const;
const script = fileURLToPath(new URL('outbox/child.js', import.meta.url));

const folder = mkdtempSync(join(tmpdir(), 'tsvq-outbox-'));
const children = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const total = { app: 0, relay: 0, worker: 0, orders: 0, inDoubt: 0 };
const problems: string[] = [];

/** Starts processes of a role one after another, and kills each after a little work. */
async function killAll(role: (typeof ROLES)[number], round: Round): Promise<void> {
  while (round.kills < round.most) {
    const args = [script, role, round.file, round.address];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    children.add(child);
    const ended = once(child, 'exit') as Promise<[number | null, string | null]>;
    // It prints a line when it begins, because a start takes a tenth of a second or more.
    let timer: NodeJS.Timeout | undefined;
    child.stdout.once('data', () => {
      timer = setTimeout(() => child.kill('SIGKILL'), Math.random() * MOST_MS);
    });
    const [code, signal] = await ended;
    clearTimeout(timer);
    children.delete(child);
    if (signal !== 'SIGKILL') throw new Error(`a process (${role}) ended by itself, with ${code ?? signal}`);
    round.kills++;
    total[role]++;
    if (role !== 'app' && (await round.orders.taken(child.pid as number)) > 0) total.inDoubt++;
  }
}

interface Round {
  kills: number;
  readonly most: number;
  readonly file: string;
  readonly address: string;
  readonly orders: Orders;
}

async function payloads(file: string): Promise<string[]> {
  const found: string[] = [];
  const queue = openQueue(file);
  for await (const { payload } of queue.iterateJobs()) found.push(payload);
  await queue.close();
  for await (const job of archivedJobs(systemFs, file)) found.push(String(job.toJob().payload));
  return found;
}

/** Says what is wrong after a round. */
async function judge({ file, orders }: Round): Promise<void> {
  const jobs = await payloads(file);
  const committed = new Set(await orders.committed());
  const counts = new Map<string, number>();
  for (const order of jobs) counts.set(order, (counts.get(order) ?? 0) + 1);
  for (const order of committed)
    if (counts.get(order) !== 1) problems.push(`order ${order} has ${counts.get(order) ?? 0} jobs`);
  for (const order of counts.keys())
    if (!committed.has(order)) problems.push(`order ${order} has a job, and was rolled back`);
  const rows = await orders.rows();
  if (rows > 0) problems.push(`${rows} rows are left`);
  total.orders += committed.size;
}

async function run(address: string, file: string, kills: number): Promise<void> {
  const orders = await connect(address);
  const round: Round = { kills: 0, most: kills, file, address, orders };
  await orders.create();
  await Promise.all(ROLES.map((role) => killAll(role, round)));
  const queue = openQueue(file, { durability: 'os' });
  const logger = ({ event, message }: { event: string; message?: string }): void => {
    if (event === 'warning') problems.push(String(message));
  };
  await queue.processJobs({ order: () => {} }, { outbox: [orders.outbox], concurrency: 10, logger });
  await queue.close();
  await judge(round);
  await orders.close();
}

for (let done = 0, round = 0; done < most; done += KILLS_A_ROUND, round++) {
  const name = (what: string): string => join(folder, `${round}.${what}`);
  await run(server?.url ?? name('db'), name('tsv'), Math.min(KILLS_A_ROUND, most - done));
}
await server?.stop();
const { app, relay, worker, orders, inDoubt } = total;
console.log(
  `outbox: ${app} apps, ${relay} relays and ${worker} workers killed, ${inDoubt} of them with rows in their hands; ` +
    `${orders} committed orders, ${problems.length} problems`,
);
for (const problem of problems.slice(0, 20)) console.log(problem);
process.exitCode = problems.length > 0 ? 1 : 0;
