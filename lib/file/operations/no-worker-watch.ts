import { loaded } from '../../job/dependency.js';
import type { NoWorkerWarning } from '../../job/no-worker-warning.js';
import { complain } from '../../job/worker-event.js';
import type { Store } from '../store.js';
import type { NoWorkerLook } from './no-worker.js';

/** The longest time between two looks, in ms, if jobs are added all the time. */
const LOOK_MS = 60_000;

/**
 * Lets a process that adds jobs warn if no worker runs them. It looks after a job was added, at most once a minute, and
 * has no timer. Most looks are one call to the system.
 */
export class NoWorkerWatch {
  readonly #store: Store;
  readonly #tell: (warning: NoWorkerWarning) => void;
  readonly #every: number;
  /** The next look, in seconds since the start of this process, which no clock changes. */
  #next: number;
  #look: NoWorkerLook | undefined;

  constructor(store: Store, tell: (warning: NoWorkerWarning) => void = warn) {
    const { noWorkerAfter } = store.options;
    this.#store = store;
    this.#tell = tell;
    this.#every = Math.min(LOOK_MS, noWorkerAfter / 4) / 1000;
    this.#next = noWorkerAfter === Number.POSITIVE_INFINITY ? noWorkerAfter : 0;
  }

  /** Looks if it is time to. The caller doesn't wait for that, but closing the queue does. */
  added(): void {
    const seconds = process.uptime();
    if (seconds < this.#next) return;
    this.#next = seconds + this.#every;
    // The jobs are in the file, so nothing here may fail their call.
    this.#store.work(() => this.#run()).catch(() => {});
  }

  async #run(): Promise<void> {
    const { fs, realPath, clock, options } = this.#store;
    // The time of the last change is enough to know that all is well.
    const tick = fs.stat(`${realPath}.tick`);
    if (tick !== undefined && Math.abs(clock.now() - tick.mtimeMs) < options.noWorkerAfter) return;
    await this.#lookCloser();
  }

  async #lookCloser(): Promise<void> {
    if (this.#look === undefined) {
      const { NoWorkerLook } = await loaded('the look for a worker', import('./no-worker.js'));
      this.#look ??= new NoWorkerLook(this.#store);
    }
    const warning = await this.#look.run();
    if (warning !== undefined) this.#tell(warning);
  }
}

/**
 * Warns as Node does, so that a process can log it in its own way: `process.on('warning')`. With NODE_NO_WARNINGS
 * nothing listens, and it goes to stderr.
 */
function warn({ message }: NoWorkerWarning): void {
  if (process.listenerCount('warning') === 0) complain(message);
  else process.emitWarning(message, { type: 'TsvqWarning', code: 'TSVQ_NO_WORKER' });
}
