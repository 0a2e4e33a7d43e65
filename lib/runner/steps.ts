import { AsyncLocalStorage } from 'node:async_hooks';
import { type Duration, duration, type Instant, instant, invalid, text } from '../job/checks.js';
import { PermanentError, TsvqError } from '../job/errors.js';
import type { RecordedStep } from '../job/step.js';
import type { StepContext } from './handler.js';
import type { StepJournal } from './step-journal.js';

/** The most characters of a name. */
const LONGEST_NAME = 200;
/** The latest end of a sleep, in ms: the year 5138, as for any job. */
const LATEST = 1e14;

/** The function of a step. */
export type Run<R> = (context: StepContext) => R | Promise<R>;

/** What steps need to know of their attempt. */
export interface SteppingAttempt {
  readonly id: string;
  readonly attempts: number;
  readonly signal: AbortSignal;
  readonly endedAt: number | undefined;
  readonly fallAsleep: ((until: number) => void) | undefined;
}

/** What steps work with. */
export interface StepTools {
  readonly now: () => number;
  readonly journal: StepJournal;
  /** Converts a result to JSON text; empty for undefined. @throws TsvqError `INVALID_ARGUMENT`, `PAYLOAD_TOO_LARGE` */
  readonly encode: (result: unknown, name: string) => string;
}

/** Knows which step the running code is in, and of which attempt. Steps may run side by side, so a flag would not tell. */
const inside = new AsyncLocalStorage<{ readonly steps: Steps; readonly name: string }>();
/** How many steps run in the process. While none does, nothing is tracked, because that slows each promise. */
let tracked = 0;

async function track<R>(steps: Steps, name: string, run: () => R | Promise<R>): Promise<R> {
  tracked++;
  try {
    return await inside.run({ steps, name }, run);
  } finally {
    if (--tracked === 0) inside.disable();
  }
}

/** The steps and sleeps of one attempt. Its handler gets the functions. */
export class Steps {
  readonly #attempt: SteppingAttempt;
  readonly #tools: StepTools;
  /** How often the handler has used each name in this attempt. */
  readonly #uses = new Map<string, number>();
  /** The steps that run, and the sleeps that are being recorded. */
  readonly #running = new Set<Promise<unknown>>();
  /** The earliest end of the sleeps that the attempt waits in, in ms. */
  #wakeAt = Number.POSITIVE_INFINITY;
  #isAsleep = false;
  #recorded: Promise<Map<string, RecordedStep>> | undefined;

  constructor(attempt: SteppingAttempt, tools: StepTools) {
    this.#attempt = attempt;
    this.#tools = tools;
  }

  /** The name of the attempt's step that the caller is in; undefined outside of steps. */
  get current(): string | undefined {
    const step = inside.getStore();
    return step?.steps === this ? step.name : undefined;
  }

  readonly step = <R>(name: string, run: Run<R>): Promise<R> =>
    this.#call(async () => {
      const checked = checkName(name);
      if (typeof run !== 'function') throw invalid('run', run, 'a function');
      return this.#track(this.#step(this.#number(checked), run));
    });

  readonly sleep = (time: Duration): Promise<void> =>
    this.#call(async () => this.#sleep(this.endOfSleep(time).getTime()));

  readonly sleepUntil = (at: Instant): Promise<void> =>
    this.#call(async () => this.#sleep(this.endOfSleepUntil(at).getTime()));

  /** Returns when a sleep that begins now would end. @throws TsvqError `INVALID_ARGUMENT` */
  endOfSleep(time: Duration): Date {
    return this.#checkEnd(time, this.#tools.now() + duration('duration', time));
  }

  /** Returns when a sleep until a time would end. @throws TsvqError `INVALID_ARGUMENT` */
  endOfSleepUntil(at: Instant): Date {
    return this.#checkEnd(at, instant('at', at));
  }

  #checkEnd(asked: unknown, until: number): Date {
    this.assertOutside('a sleep');
    if (!(until < LATEST)) throw invalid('the end of the sleep', asked, 'a time before the year 5138');
    return new Date(until);
  }

  /** Refuses what may not happen inside of a step. @throws TsvqError `INVALID_ARGUMENT` */
  assertOutside(what: string): void {
    const outer = this.current;
    if (outer === undefined) return;
    const names = `${what} begins inside of step ${JSON.stringify(outer)}`;
    throw new TsvqError('INVALID_ARGUMENT', `${names}; do it before or after that step`);
  }

  /** Releases the journal. It is called at the end of the attempt. */
  close(): void {
    if (this.#recorded !== undefined) this.#tools.journal.close();
  }

  /**
   * Runs a call of the handler's. If the attempt is over by the time it fails, the handler may not await it any more.
   * Without a catch, that would end the process, and with it other jobs.
   */
  #call<R>(run: () => Promise<R>): Promise<R> {
    const call: Promise<R> = new Promise((resolve, reject) => {
      run().then(resolve, (error: unknown) => {
        reject(error);
        if (this.#attempt.endedAt !== undefined) call.catch(() => {});
      });
    });
    return call;
  }

  async #step<R>(name: string, run: Run<R>): Promise<R> {
    const { id, signal } = this.#attempt;
    const recorded = await this.#read();
    const known = recorded.get(name);
    if (known !== undefined) return resultOf(known, id) as R;
    await this.#assertRunning(name);
    const value = await track(this, name, () => run({ key: `${id}:${name}`, signal }));
    const result = this.#tools.encode(value, `the result of step ${JSON.stringify(name)}`);
    return resultOf(await this.#record(name, result), id) as R;
  }

  async #sleep(until: number): Promise<void> {
    const name = this.#number('sleep', 1);
    const end = await this.#track(this.#endOf(name, until));
    if (!(end > this.#tools.now())) return;
    this.#wakeAt = Math.min(this.#wakeAt, end);
    // Steps that run beside the sleep are not lost, nor those that follow them at once.
    while (this.#running.size > 0) {
      await Promise.allSettled(this.#running);
      await new Promise(setImmediate);
    }
    await this.#assertRunning(name);
    this.#isAsleep = true;
    this.#attempt.fallAsleep?.(this.#wakeAt);
    await this.#assertRunning(name);
  }

  /** Returns the end of a sleep, in ms. An earlier attempt may have recorded another one. */
  async #endOf(name: string, until: number): Promise<number> {
    const recorded = await this.#read();
    const { result } = recorded.get(name) ?? (await this.#record(name, String(Math.round(until) / 1000)));
    const end = result === '' ? Number.NaN : Number(result);
    if (!Number.isNaN(end)) return Math.min(Math.round(end * 1000), LATEST);
    throw new PermanentError(`the recorded end of ${name} of job ${this.#attempt.id} is not in Unix seconds`);
  }

  async #track<R>(running: Promise<R>): Promise<R> {
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  /** Adds a number to a name that was used before. @param from which use gets a number first */
  #number(name: string, from = 2): string {
    this.assertOutside(`step ${JSON.stringify(name)}`);
    const uses = (this.#uses.get(name) ?? 0) + 1;
    this.#uses.set(name, uses);
    return uses < from ? name : `${name}#${uses}`;
  }

  async #record(name: string, result: string): Promise<RecordedStep> {
    const { attempts } = this.#attempt;
    const recorded = await this.#read();
    await this.#assertRunning(name);
    const step = await this.#tools.journal.record({ name, attempt: attempts, at: this.#tools.now(), result });
    recorded.set(name, step);
    return step;
  }

  #read(): Promise<Map<string, RecordedStep>> {
    this.#recorded ??= this.#tools.journal.read().then((steps) => firstOfEach(steps));
    return this.#recorded;
  }

  /** Never settles once the attempt sleeps, because that would run code of an attempt that has ended. */
  async #assertRunning(name: string): Promise<void> {
    if (this.#isAsleep) await new Promise(() => {});
    if (this.#attempt.endedAt === undefined) return;
    const { id, attempts } = this.#attempt;
    throw new TsvqError(
      'CLOSED',
      `attempt ${attempts} of job ${id} is over, so step ${JSON.stringify(name)} was not recorded`,
    );
  }
}

/** Returns steps by name. Two attempts at once may have recorded the same one; the earlier counts, for both. */
function firstOfEach(steps: readonly RecordedStep[]): Map<string, RecordedStep> {
  const first = new Map<string, RecordedStep>();
  for (const step of steps) if (!first.has(step.name)) first.set(step.name, step);
  return first;
}

/** Returns the result after JSON, in each attempt the same. @throws PermanentError if an edit has damaged it */
function resultOf({ name, result }: RecordedStep, id: string): unknown {
  if (result === '') return undefined;
  try {
    return JSON.parse(result);
  } catch (cause) {
    throw new PermanentError(`the recorded result of step ${JSON.stringify(name)} of job ${id} is not JSON`, {
      cause,
    });
  }
}

/** Names that a line of the journal can hold, and that are not the queue's own. */
const NAME = /^(?!#|sleep$)[^\p{Cc}\p{Cs}]+(?<!#\d+)$/u;

function checkName(name: unknown): string {
  const given = text('the name of a step', name);
  if (given.length <= LONGEST_NAME && NAME.test(given)) return given;
  throw invalid(
    'the name of a step',
    name,
    `of 1 to ${LONGEST_NAME} characters, without line ends and TABs, that neither begins with # nor ends with a number like #2; 'sleep' is the queue's own`,
  );
}
