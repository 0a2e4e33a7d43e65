import type { RequestKind } from './protocol.js';
import type { Random } from './random.js';

/*
 * What web apps ask of jobs with keys, and of pauses. A key's name says which scope all calls with it have: a key with
 * calls of several scopes has no rule that a judge could hold it to.
 */

/** Types whose jobs have keys here. Most are of one type, so that they meet. */
const TYPES = ['patient', 'patient', 'patient', 'flaky', 'keyed parent'] as const;
const KEYS = ['active 1', 'active 1', 'active 1', 'active 1', 'active 2', 'queued', 'kept'] as const;
const POLICIES = ['return', 'reject', 'replace', 'replace', 'update'] as const;
const KINDS = [
  ...(['add', 'add', 'add', 'add', 'add', 'addMany', 'addMany', 'cancel', 'cancel', 'retry'] as const),
  ...(['retry', 'compact', 'enqueue', 'pause', 'pause', 'resume'] as const),
];

export type Scope = 'active' | 'queued' | 'kept';

export const scopeOf = (key: string): Scope => key.split(' ', 1)[0] as Scope;

/** A job to add, as it is asked for. */
export interface KeyedJob {
  readonly type: string;
  /** `mark` names this request alone. */
  readonly payload: { readonly ms: number; readonly fails: number; readonly mark: string };
  readonly options: { readonly dedupeKey: string; readonly onDuplicate: string };
}

/** What there is to ask about. */
export interface KeyedView {
  readonly now: number;
  /** Jobs that are there. */
  readonly ids: readonly string[];
  /** Of them, those that run with a key, and those behind them. */
  readonly joined: readonly string[];
}

/** Draws requests. Each job that it asks for has a mark of its own. */
export class KeyRequests {
  readonly #random: Random;
  #marks = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** @returns undefined if there is nothing to ask it about yet */
  draw(
    { now, ids, joined }: KeyedView,
    kinds: readonly RequestKind[] = KINDS,
  ): { what: RequestKind; args: unknown[] } | undefined {
    const random = this.#random;
    const what: RequestKind = ids.length === 0 ? 'add' : random.pick(kinds);
    if (what === 'add') {
      const { type, payload, options } = this.#job();
      return { what, args: [type, payload, options] };
    }
    if (what === 'addMany') {
      const jobs = Array.from({ length: 2 + random.below(3) }, () => this.#job());
      const [first] = jobs as [KeyedJob];
      // Equal keys in one call.
      const { dedupeKey } = first.options;
      const equal = random.chance(0.6)
        ? jobs.map((job) => ({ ...job, type: first.type, options: { ...job.options, ...scoped(dedupeKey) } }))
        : jobs;
      return { what, args: [equal.map((job) => this.#allowed(job))] };
    }
    if (what === 'enqueue') return { what, args: ['quick', { ms: 0, fails: 0 }, {}] };
    if (what === 'compact') return { what, args: [] };
    if (what === 'pause' || what === 'resume') {
      const type = random.pick([...TYPES, '*']);
      const until =
        what === 'pause' && random.chance(0.5)
          ? [{ until: new Date(now + random.pick([100, 2000, 60_000])).toISOString() }]
          : [];
      return { what, args: [type, ...until] };
    }
    return { what, args: [random.pick(joined.length > 0 && random.chance(0.7) ? joined : ids)] };
  }

  #job(): KeyedJob {
    const random = this.#random;
    const key = random.pick(KEYS);
    return this.#allowed({
      type: random.pick(TYPES),
      payload: {
        ms: random.pick([0, 50, 1000, 3000, 3000]),
        fails: random.below(3),
        mark: `m${++this.#marks}`,
      },
      options: {
        ...scoped(key),
        onDuplicate: random.pick(POLICIES),
        ...(random.chance(0.2) && { delay: random.pick([20, 2000]) }),
      },
    });
  }

  /** A finished job that counts is not replaced: with such a policy there would be several of a kept key. */
  #allowed(job: KeyedJob): KeyedJob {
    const { dedupeKey, onDuplicate } = job.options;
    const isRight = scopeOf(dedupeKey) !== 'kept' || onDuplicate === 'return' || onDuplicate === 'reject';
    return isRight ? job : { ...job, options: { ...job.options, onDuplicate: 'return' } };
  }
}

const scoped = (dedupeKey: string) => ({ dedupeKey, dedupe: scopeOf(dedupeKey) });
