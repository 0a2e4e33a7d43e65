import type { NoWorkerWarning } from '../../job/no-worker-warning.js';
import { processWide } from '../../job/process-wide.js';
import { systemUptime, type Uptime } from '../../job/uptime.js';
import { pausedTypes, readPauses } from '../admission/paused.js';
import { readHeartbeat } from '../disk/heartbeat.js';
import { LineReader } from '../format/line.js';
import { eachRowWith } from '../format/rows-by-word.js';
import type { JobIndex } from '../index/job-index.js';
import { sealedPart } from '../index/sealed.js';
import { Store } from '../store.js';

/** The due jobs of types that are not paused. */
interface Due {
  readonly jobs: number;
  /** Since when the oldest one has been due, in ms since 1970. */
  readonly since: number;
}

/** Knows if jobs are due and no worker has looked for longer than the option `noWorkerAfter`. */
export class NoWorkerLook {
  readonly #store: Store;
  readonly #uptime: Uptime;
  /** The last heartbeat with which jobs were due, and since when by {@link Uptime.awake}. */
  #seen: { readonly tick: number; readonly since: number } | undefined;

  constructor(store: Store, uptime: Uptime = systemUptime) {
    this.#store = store;
    this.#uptime = uptime;
  }

  /** @returns a warning; undefined if all is well, or this process has warned since the last heartbeat */
  async run(): Promise<NoWorkerWarning | undefined> {
    const { path, realPath, clock, fs, options } = this.#store;
    const now = clock.now();
    const tick = readHeartbeat(fs, realPath)?.at;
    const isRecent = tick !== undefined && Math.abs(now - tick) < options.noWorkerAfter;
    if (isRecent || TOLD.get(realPath) === (tick ?? NEVER)) return this.#forget();
    // Superseded rows may be among these, so a closer look has to confirm them. It costs more, and comes once.
    const perhaps = await this.#due(now);
    if (perhaps === undefined) return this.#forget();
    if (this.#silence(now, tick ?? NEVER, perhaps) < options.noWorkerAfter) return undefined;
    const due = await this.#exactlyDue(now);
    if (due === undefined) return this.#forget();
    if (this.#silence(now, tick ?? NEVER, due) < options.noWorkerAfter) return undefined;
    // Another look of this process may have been under way.
    if (TOLD.get(realPath) === (tick ?? NEVER)) return undefined;
    TOLD.set(realPath, tick ?? NEVER);
    return {
      message: messageOf(path, now, tick, due),
      file: path,
      lastTick: tick === undefined ? undefined : new Date(tick),
      due: due.jobs,
      oldestDue: now - due.since,
    };
  }

  /**
   * Returns for how long no worker has looked although jobs were due, in ms. Time in which no worker could look doesn't
   * count: the machine was off or suspended, or the clock was set.
   */
  #silence(now: number, tick: number, due: Due): number {
    const awake = this.#uptime.awake();
    if (this.#seen?.tick !== tick) this.#seen = { tick, since: awake };
    // A heartbeat that a wrong clock has dated ahead says nothing. Then only what this process saw counts.
    const byClock = tick > now ? 0 : now - Math.max(tick, due.since) - this.#uptime.skipped();
    return Math.max(awake - this.#seen.since, Math.min(awake, byClock));
  }

  #forget(): undefined {
    this.#seen = undefined;
  }

  /** Finds due jobs by an index of its own, because the store would keep it, and each later enqueue would cost more. */
  async #exactlyDue(now: number): Promise<Due | undefined> {
    const { path, options, fs, clock, processes } = this.#store;
    const reader = new Store(path, options, { fs, clock, processes });
    try {
      const index = await reader.read('open');
      return index && (await this.#due(now, index));
    } finally {
      await reader.close();
    }
  }

  /** Finds due jobs by a search for their status. @param index leaves out superseded rows; otherwise they count */
  async #due(now: number, index?: JobIndex): Promise<Due | undefined> {
    const file = this.#store.openFile();
    if (file === undefined) return undefined;
    const { at } = file.layout;
    const reader = new LineReader(file.layout);
    const isPaused = pausedTypes(readPauses(this.#store.fs, this.#store.realPath, now));
    let jobs = 0;
    let oldest = now;
    await file.eachBlock(sealedPart(file).end, (bytes, end) =>
      eachRowWith(reader, bytes, end, 'pending', () => {
        // A job may have been added with a time in the past.
        const since = 1000 * Math.max(reader.number(at.run_at, 0), reader.number(at.created_at, 0));
        if (since > now || isPaused(reader.text(at.type))) return false;
        if (index !== undefined && !isNewest(index, reader, reader.number(at.version, 1))) return false;
        jobs++;
        oldest = Math.min(oldest, since);
        return false;
      }),
    );
    return jobs === 0 ? undefined : { jobs, since: oldest };
  }
}

/** What stands for the heartbeat if there is none. */
const NEVER = 0;

/** The heartbeat after which this process has warned, by queue file. The next one begins a new episode. */
const TOLD = processWide('no worker told', () => new Map<string, number>());

function isNewest(index: JobIndex, row: LineReader, version: number): boolean {
  const slot = index.findRow(row);
  return slot !== undefined && index.status(slot) === 'pending' && index.version(slot) === version;
}

function messageOf(path: string, now: number, tick: number | undefined, { jobs, since }: Due): string {
  const last =
    tick === undefined
      ? `no worker has ever looked at ${path}`
      : `no worker has looked at ${path} for ${lasting(now - tick)}, since ${iso(tick)}`;
  const due = `${jobs} ${jobs === 1 ? 'job is' : 'jobs are'} due, the oldest for ${lasting(now - since)}`;
  return (
    `${last}; ${due}. Cron or the worker has stopped, or works on another file: ` +
    'see queue status and the log of the worker; queue cron check says if cron starts it'
  );
}

const iso = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

/** Formats a time in its largest unit, of which there are at least two. A clock that was set back may make it negative. */
function lasting(ms: number): string {
  const [name, size] = UNITS.find(([, size]) => ms >= 2 * size) ?? ['s', 1000];
  return `${Math.max(0, Math.floor(ms / size))} ${name}`;
}

const UNITS = [
  ['days', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
] as const;
