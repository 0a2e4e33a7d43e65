import type { IncomingMessage } from 'node:http';
import { isWithin } from '../../job/clock.js';
import type { TsvqError } from '../../job/errors.js';
import { crowdedOutLately, shortOfRoomLately } from '../disk/heartbeat.js';
import type { Store } from '../store.js';
import type { ChoreContext, Ping } from './chore.js';
import { readStamp, writeStamp } from './ping-stamp.js';

/** How long a ping may take as a whole, in ms. */
const TIMEOUT_MS = 10_000;
const MINUTE_MS = 60_000;
/** How often a ping that fails again and again is told, in ms. */
const TOLD_MS = 3_600_000;

/**
 * Pings the address of a monitoring service once in each minute of the clock, over all workers of the queue. The ping
 * says that a worker has looked at the queue, could write it, and can start jobs. Nothing here fails a run.
 */
export class Pings implements Ping {
  readonly #store: Store;
  readonly #url: URL;
  readonly #events: ChoreContext['events'];
  #sending: Promise<void> | undefined;

  constructor({ store, events }: Pick<ChoreContext, 'store' | 'events'>, url: URL) {
    this.#store = store;
    this.#url = url;
    this.#events = events;
  }

  async send(): Promise<void> {
    // The one under way may belong to the minute before, and the next heartbeat comes soon.
    this.#sending ??= this.#sendOnce().finally(() => {
      this.#sending = undefined;
    });
    await this.#sending;
  }

  async #sendOnce(): Promise<void> {
    const { clock, fs, realPath } = this.#store;
    const now = clock.now();
    if (this.#events.isFailing || !canStartJobs(this.#events.heartbeat, now)) return;
    const stamp = readStamp(fs, realPath);
    if (stamp !== undefined && minuteOf(stamp.at) === minuteOf(now)) return;
    const told = isWithin(TOLD_MS, stamp?.toldAt ?? Number.NEGATIVE_INFINITY, now)
      ? stamp?.toldAt
      : undefined;
    try {
      this.#refuseUnusable();
      // Written before the request, so that no other worker pings meanwhile. It proves that the disk has room, too.
      writeStamp(fs, realPath, { at: now, toldAt: told });
      await answerOf(this.#url);
      if (told !== undefined) writeStamp(fs, realPath, { at: now, toldAt: undefined });
    } catch (error) {
      if ((error as TsvqError).code === 'CLOSED' || told !== undefined) return;
      this.#events.warn(`no ping to ${this.#url.origin}: ${reasonOf(error)}`);
      try {
        writeStamp(fs, realPath, { at: now, toldAt: now });
      } catch {
        // Then each run says it. Jobs can't run either.
      }
    }
  }

  /** Throws if jobs could not run here, although there may be none at the moment. */
  #refuseUnusable(): void {
    const { path, obstacle } = this.#store;
    const file = this.#store.openFile();
    if (file === undefined) throw new Error(`there is no queue file at ${path}`);
    if (!file.writable) throw new Error(`no permission to write ${path}`);
    if (obstacle !== undefined) throw new Error(obstacle);
  }
}

const minuteOf = (ms: number): number => Math.floor(ms / MINUTE_MS);

/** False if a worker lately had to leave due jobs: others were at work, or the disk had too little room. */
const canStartJobs = (heartbeat: ChoreContext['events']['heartbeat'], now: number): boolean =>
  crowdedOutLately({ at: now, ...heartbeat }, now) === undefined &&
  shortOfRoomLately({ at: now, ...heartbeat }, now) === undefined;

/** Asks for an address. @throws if it takes too long, or the answer isn't 2xx */
async function answerOf(url: URL): Promise<void> {
  // Not fetch, which takes three times as long to load.
  const { get } = url.protocol === 'https:' ? await import('node:https') : await import('node:http');
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const { statusCode = 0 } = await new Promise<IncomingMessage>((resolve, reject) => {
    const headers = { 'user-agent': 'tsvq', connection: 'close' };
    get(url, { signal, headers }, (response) => {
      // The rest of the answer doesn't matter, and may have no end.
      response.on('error', () => {}).destroy();
      resolve(response);
    }).on('error', reject);
  });
  if (statusCode >= 200 && statusCode < 300) return;
  const what = statusCode >= 300 && statusCode < 400 ? ', a redirect; give the address that it leads to' : '';
  throw new Error(`the answer was ${statusCode}${what}`);
}

/** Says why there was no ping. Codes are enough, because a message may quote the address. */
function reasonOf(error: unknown): string {
  const { name, code, message } = error as NodeJS.ErrnoException;
  if (name === 'AbortError') return `no answer in ${TIMEOUT_MS / 1000} s`;
  return code ?? message;
}
