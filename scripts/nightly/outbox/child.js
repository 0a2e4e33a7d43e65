// A process that outbox.ts kills: node child.js app|relay|worker QUEUE_FILE DATABASE
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { openQueue } from 'tsvq';
import { connect } from './database.js';

const [role, file, address] = /** @type {[string, string, string]} */ (process.argv.slice(2));
const { outbox, transaction } = await connect(address);

async function app() {
  for (let count = 0; ; count++) {
    const order = randomUUID();
    const options = Math.random() < 0.2 ? { dedupeKey: order } : {};
    await transaction(order, options, Math.random() < 0.2);
    if (count === 0) console.log('up');
    await sleep(Math.random() * 6);
  }
}

async function work() {
  // A finished job soon moves to the archive, where a row in doubt is to be looked for.
  const queue = openQueue(file, { durability: 'os', retention: '1s', anyFileSystem: true });
  const handlers = role === 'worker' ? { order: () => {} } : {};
  const linger = Number.POSITIVE_INFINITY;
  await queue.processJobs(handlers, { outbox: [outbox], linger, maxWorkers: 10, concurrency: 8, logger });
}

/** @param {import('tsvq').WorkerEvent} event */
function logger({ event, message }) {
  const isExpected = event !== 'warning' || /^no handler|database is locked/.test(message ?? '');
  if (!isExpected) console.error(message);
}

if (role !== 'app') console.log('up');
await (role === 'app' ? app() : work());
