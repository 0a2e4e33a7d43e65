import { AsyncLocalStorage } from 'node:async_hooks';
import { type Duration, duration, type Instant, instant, invalid, text } from '../job/checks.js';
import { TsvqError } from '../job/errors.js';
import type { RecordedStep } from '../job/step.js';
import type { StepContext } from './handler.js';
import type { StepJournal } from './step-journal.js';

/** The most characters of a name. */
const LONGEST_NAME = 200;
/** A number that the queue adds to a name that is used again, and to `sleep`. */
const NUMBERED = /#\d+$/;
/** The latest end of a sleep, in ms: the year 5138, as for any job. */
const LATEST = 1e14;

type Run<R> = (context: StepContext) => R | Promise<R>;

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

/** Knows which step the running code is in. Steps may run side by side, so a flag would not tell. */
const inside = new AsyncLocalStorage<string>();
/** How many steps run in the process. While none does, nothing is tracked, because that slows each promise. */
let tracked = 0;

/** Returns the name of the step that the caller is in; undefined outside of steps. */
export const currentStep = (): string | undefined => inside.getStore();

async function track<R>(name: string, run: () => R | Promise<R>): Promise<R> {
  tracked++;
  try {
    return await inside.run(name, run);
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
  readonly #running = new Set<Promise<unknown>>();
  #recorded: Promise<Map<string, RecordedStep>> | undefined;

  constructor(attempt: SteppingAttempt, tools: StepTools) {
    this.#attempt = attempt;
    this.#tools = tools;
  }

  readonly step = async <R>(name: string, run: Run<R>): Promise<R> => {
    const numbered = this.#number(checkName(name));
    if (typeof run !== 'function') throw invalid('run', run, 'a function');
    const running = this.#step(numbered, run);
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  };

  readonly sleep = async (time: Duration): Promise<void> =>
    this.#sleep(time, this.#tools.now() + duration('duration', time));

  readonly sleepUntil = async (at: Instant): Promise<void> => this.#sleep(at, instant('at', at));

  /** Releases the journal. It is called at the end of the attempt. */
  close(): void {
    if (this.#recorded !== undefined) this.#tools.journal.close();
  }

  async #step<R>(name: string, run: Run<R>): Promise<R> {
    const { id, signal } = this.#attempt;
    const recorded = await this.#read();
    const known = recorded.get(name);
    if (known !== undefined) return resultOf(known) as R;
    this.#assertRunning(name);
    const value = await track(name, () => run({ key: `${id}:${name}`, signal }));
    const result = this.#tools.encode(value, `the result of step ${JSON.stringify(name)}`);
    return resultOf(await this.#record(name, result)) as R;
  }

  async #sleep(asked: unknown, until: number): Promise<void> {
    const name = this.#number('sleep', 1);
    if (!(until < LATEST)) throw invalid('the end of the sleep', asked, 'a time before the year 5138');
    const recorded = await this.#read();
    const known = recorded.get(name) ?? (await this.#record(name, String(Math.round(until) / 1000)));
    const end = Number(known.result) * 1000;
    if (this.#tools.now() >= end) return;
    // A step that runs beside the sleep is not lost.
    await Promise.allSettled(this.#running);
    this.#assertRunning(name);
    this.#attempt.fallAsleep?.(end);
    // A promise that settles would run code of an attempt that has ended.
    await new Promise(() => {});
  }

  /** Adds a number to a name that was used before. @param from which use gets a number first */
  #number(name: string, from = 2): string {
    const outer = currentStep();
    if (outer !== undefined) {
      const names = `${JSON.stringify(name)} begins inside of step ${JSON.stringify(outer)}`;
      throw new TsvqError('INVALID_ARGUMENT', `${names}; await it before or after that one`);
    }
    const uses = (this.#uses.get(name) ?? 0) + 1;
    this.#uses.set(name, uses);
    return uses < from ? name : `${name}#${uses}`;
  }

  async #record(name: string, result: string): Promise<RecordedStep> {
    const { attempts } = this.#attempt;
    const recorded = await this.#read();
    this.#assertRunning(name);
    const step = await this.#tools.journal.record({ name, attempt: attempts, at: this.#tools.now(), result });
    recorded.set(name, step);
    return step;
  }

  #read(): Promise<Map<string, RecordedStep>> {
    this.#recorded ??= this.#tools.journal.read().then((steps) => firstOfEach(steps));
    return this.#recorded;
  }

  #assertRunning(name: string): void {
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

/** Returns the result after JSON, in each attempt the same. */
const resultOf = ({ result }: RecordedStep): unknown => (result === '' ? undefined : JSON.parse(result));

function checkName(name: unknown): string {
  const given = text('the name of a step', name);
  if (given === '' || given.length > LONGEST_NAME || /\p{Cc}/u.test(given) || NUMBERED.test(given))
    throw invalid(
      'the name of a step',
      name,
      `of 1 to ${LONGEST_NAME} characters, without line ends, TABs, and a number at its end like #2`,
    );
  return given;
}
