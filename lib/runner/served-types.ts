import type { Limits } from '../job/limits.js';
import { mergedPolicy, type ResolvedPolicy } from '../job/policy.js';
import type { Handler } from './handler.js';
import type { CheckedEntry } from './handler-table.js';
import { withSchema } from './schema.js';

/** A type of job that a worker runs: its handler, and the options that count for it. */
export interface ServedType extends ResolvedPolicy {
  /** The handler. It asks the schema of the type first, if there is one. */
  readonly handler: Handler;
}

/** The types of job that a worker runs. All that depends on the type of a job is decided by what is here. */
export class ServedTypes {
  /** The worker's own options, which count for types without a handler. */
  readonly fallback: ResolvedPolicy;
  /** True if a type has a limit. */
  readonly hasLimits: boolean;
  readonly #types = new Map<string, ServedType>();

  constructor(entries: ReadonlyMap<string, CheckedEntry>, worker: ResolvedPolicy) {
    this.fallback = worker;
    for (const [type, { handler, policy }] of entries) {
      const { schema } = policy;
      this.#types.set(type, {
        handler: schema === undefined ? handler : withSchema(type, schema, handler),
        ...mergedPolicy(policy, worker),
      });
    }
    this.hasLimits = [...this.#types.values()].some(({ limits }) => limits !== undefined);
  }

  /** True if the type has a handler. */
  has(type: string): boolean {
    return this.#types.has(type);
  }

  /** Returns the type; undefined if it has no handler. */
  get(type: string): ServedType | undefined {
    return this.#types.get(type);
  }

  /** Returns the limits of a type; undefined if it has none. */
  limitsOf(type: string): Limits | undefined {
    return this.#types.get(type)?.limits;
  }

  /** True if a limit of the type counts each group by itself. */
  isByGroup(type: string): boolean {
    const { concurrency, rateLimit } = this.limitsOf(type) ?? {};
    return concurrency?.by === 'group' || rateLimit?.by === 'group';
  }

  /** Returns the options that count for the jobs of a type, unless a job has its own. */
  policyOf(type: string): ResolvedPolicy {
    return this.#types.get(type) ?? this.fallback;
  }
}
