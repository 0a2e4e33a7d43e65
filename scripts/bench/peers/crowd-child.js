// What one of several processes does that work on one queue at the same time. They tell the main program by
// messages, and share a clock: CLOCK_MONOTONIC.
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

const now = () => Number(process.hrtime.bigint());
const tell = (message) => new Promise((resolve) => process.send(message, resolve));

/** Waits for a word of the main program. */
async function word(wanted) {
  const [message] = await once(process, 'message');
  if (message !== wanted) throw new Error(`${message}, where ${wanted} was to come`);
}

/** How often a worker says how far it is, in ms. */
const TELL_MS = 5;

/**
 * Enqueues one job after another; with `gapMs`, at random moments so long apart, as web requests come.
 *
 * @param {{ from: number, jobs: number, gapMs?: number }} request
 */
export async function produce(queue, { from, jobs, gapMs = 0 }) {
  await tell('ready');
  await word('go');
  const begin = now();
  const asked = [];
  const took = [];
  for (let n = from; n < from + jobs; n++) {
    if (gapMs > 0) await sleep(-Math.log(1 - Math.random()) * gapMs);
    const at = now();
    await queue.enqueue(n);
    asked.push([n, at]);
    took.push((now() - at) / 1000);
  }
  const end = now();
  await queue.close();
  process.disconnect();
  return { begin, end, asked, took };
}

/** Works until it is told to stop. */
export async function serve(queue) {
  const stop = new AbortController();
  const started = [];
  let last = 0;
  let recorded = 0;
  let timer;
  const working = queue.work({
    started: (n) => {
      started.push([n, now()]);
      timer ??= setTimeout(() => {
        timer = undefined;
        process.send({ started: started.length, recorded });
      }, TELL_MS);
    },
    recorded: (more) => {
      recorded += more;
      last = now();
      timer ??= setTimeout(() => {
        timer = undefined;
        process.send({ started: started.length, recorded });
      }, TELL_MS);
    },
    stop: stop.signal,
    jobs: Number.POSITIVE_INFINITY,
  });
  await tell('ready');
  const told = word('stop').then(() => stop.abort());
  await Promise.race([told, working]);
  if (!stop.signal.aborted) throw new Error('the worker ended by itself');
  await working;
  clearTimeout(timer);
  await queue.close();
  process.disconnect();
  return { started, last };
}
