// A worker in a process of its own, for any engine. It begins when the test says "begin", stays until the test says
// "stop", then does what is left, and tells what it did: `over {starts, completed}`.
//
// config: {address}
import { openQueue } from 'tsvq';
import { config, hangUp, say, told } from '../fixtures/parent.js';

const queue = openQueue(config.address);
const shutdown = new AbortController();
told('stop').then(() => shutdown.abort());
/** @type {string[]} */
const starts = [];

/** @type {import('tsvq').Handlers} */
const handlers = {
  work: (_, { job }) => void starts.push(job.id),
  /** Goes on until the test says "go". */
  hold: async (_, { job, signal, enqueue }) => {
    starts.push(job.id);
    enqueue('follow-up');
    signal.addEventListener('abort', () => say('aborted', job.id));
    say('started', job.id);
    await told('go');
  },
  /** Takes its worker with it. */
  kill: () => process.kill(process.pid, 'SIGKILL'),
};

say('ready');
await told('begin');
const stayed = await queue.processJobs(handlers, {
  linger: Number.POSITIVE_INFINITY,
  signal: shutdown.signal,
  logger: () => {},
});
const { completed } = await queue.processJobs(handlers, { logger: () => {} });
say('over', { starts, completed: stayed.completed + completed, cancelled: stayed.cancelled });
hangUp();
