// One contestant does one thing in a Node of its own: what the main program asks for as JSON.
import { usage } from '../children/usage.cjs';
import { report, request } from './contestants/request.js';
import { produce, serve } from './crowd-child.js';

/**
 * @type {{
 *   module: string, place: { file: string, socket: string }, settings: object,
 *   task: 'fill' | 'enqueue' | 'bulk' | 'drain' | 'idle' | 'counts' | 'produce' | 'serve',
 *   jobs: number, from: number, gapMs: number
 * }}
 */
const { module, place, settings, task, jobs } = request;
const { open } = await import(`./contestants/${module}.js`);

/** Calls that no handler is to be seen in twice. */
function tally() {
  const seen = new Uint8Array(jobs);
  return {
    started: (n) => {
      seen[n]++;
    },
    check: () => {
      const wrong = seen.findIndex((times) => times !== 1);
      if (wrong >= 0) throw new Error(`the handler of job ${wrong} was called ${seen[wrong]} times`);
    },
  };
}

const tasks = {
  /** Makes the store, and fills it. */
  async fill() {
    const queue = await open(place, settings);
    await queue.prepare?.();
    if (jobs > 0) await queue.enqueueMany(0, jobs);
    await queue.settle?.();
    await queue.close();
    return {};
  },
  /** One awaited enqueue after another; what comes first is to warm up. */
  async enqueue() {
    const queue = await open(place, settings);
    const warmUp = Math.min(200, jobs);
    const times = [];
    for (let n = -warmUp; n < jobs; n++) {
      const start = performance.now();
      await queue.enqueue(n + warmUp);
      if (n >= 0) times.push((performance.now() - start) * 1000);
    }
    await queue.close();
    return { times, enqueued: warmUp + jobs };
  },
  async bulk() {
    const queue = await open(place, settings);
    const start = performance.now();
    await queue.enqueueMany(0, jobs);
    const ms = performance.now() - start;
    await queue.close();
    return { ms };
  },
  /** From the first connection to the last completion recorded. */
  async drain() {
    const { started, check } = tally();
    let recorded = 0;
    let end = 0;
    const start = performance.now();
    const queue = await open(place, settings);
    await queue.work({
      started,
      recorded: (more) => {
        recorded += more;
        if (recorded >= jobs) end = performance.now();
      },
      jobs,
    });
    const used = usage();
    await queue.close();
    if (recorded !== jobs) throw new Error(`${recorded} jobs were completed, where ${jobs} were to be`);
    check();
    return { ms: end - start, ...used };
  },
  /** A worker that finds nothing. */
  async idle() {
    const queue = await open(place, settings);
    const never = () => {
      throw new Error('there was a job');
    };
    await queue.work({ started: never, recorded: (n) => n > 0 && never(), jobs: 0 });
    await queue.close();
    return {};
  },
  async counts() {
    const queue = await open(place, settings);
    const counts = await queue.counts();
    await queue.close();
    return counts;
  },
  produce: async () => produce(await open(place, settings), request),
  serve: async () => serve(await open(place, settings)),
};

report(await tasks[task]());
// Nothing is left to be done; some clients keep a timer for a second or more. Not before the pipe has taken all of it.
process.stdout.write('', () => process.exit());
