import { dirname } from 'node:path';
import { BY_GROUP, BY_TYPE } from './limited-types.js';
import type { Machine } from './machine.js';
import { LIMITS, QUEUE, type RequestKind } from './protocol.js';
import type { Random } from './random.js';

/*
 * What web apps ask of jobs with limits. Many jobs of one type come at once, so that most of them have to wait.
 */

/** Long names, so that the limits file soon has to be rewritten. */
const GROUPS = ['red', 'red', 'green', 'blue'].map((name) => name.padEnd(120, '.'));
const KINDS = [
  ...(['enqueueMany', 'enqueueMany', 'enqueueMany', 'enqueue', 'enqueue', 'add', 'add'] as const),
  ...(['cancel', 'cancel', 'retry', 'compact'] as const),
];
const KEYS = ['active 1', 'active 2'] as const;

/** What there is to ask about. */
export interface LimitedView {
  /** Jobs that are there. */
  readonly ids: readonly string[];
  /** Of them, those that are not over. */
  readonly open: readonly string[];
}

/** Draws requests. */
export class LimitRequests {
  readonly #random: Random;
  readonly #types: readonly string[];
  readonly #groups: readonly string[];
  #marks = 0;

  constructor(random: Random, by: 'type' | 'group') {
    this.#random = random;
    this.#types = Object.keys(by === 'type' ? BY_TYPE : BY_GROUP);
    this.#groups = by === 'type' ? [''] : [...GROUPS, ''];
  }

  draw(
    { ids, open }: LimitedView,
    kinds: readonly RequestKind[] = KINDS,
  ): { what: RequestKind; args: unknown[] } {
    const random = this.#random;
    const drawn = random.pick(kinds);
    const what = ids.length === 0 && (drawn === 'cancel' || drawn === 'retry') ? 'enqueueMany' : drawn;
    if (what === 'enqueueMany') {
      const type = random.pick(this.#types);
      return { what, args: [Array.from({ length: 2 + random.below(6) }, () => this.#job(type))] };
    }
    if (what === 'enqueue' || what === 'add') {
      const { type, payload, options } = this.#job(random.pick([...this.#types, 'quick']));
      const dedupeKey = random.pick(KEYS);
      const key = what === 'add' && {
        dedupeKey,
        dedupe: 'active',
        onDuplicate: random.pick(['replace', 'update']),
      };
      return { what, args: [type, payload, { ...options, ...key }] };
    }
    if (what === 'compact') return { what, args: [] };
    const wanted = what === 'cancel' && open.length > 0 && random.chance(0.8) ? open : ids;
    return { what, args: [random.pick(wanted)] };
  }

  #job(type: string) {
    const random = this.#random;
    const group = random.pick(this.#groups);
    return {
      type,
      payload: {
        ms: random.pick([0, 0, 5, 50, 300, 1500]),
        fails: random.pick([0, 0, 0, 1, 2]),
        mark: `m${++this.#marks}`,
      },
      options: { ...(group !== '' && { group }), ...(random.chance(0.2) && { priority: random.below(3) }) },
    };
  }
}

/** Puts old lines into the limits file, so that it has to be rewritten soon. */
export function fillLimits(machine: Machine, random: Random): void {
  const { disk } = machine;
  const fd = disk.open(LIMITS, 'a', 0);
  const lines = Array.from({ length: 250 }, (_, i) => `gone\t${i}\t1000\n`).join('');
  disk.write(fd, Buffer.from(lines.slice(0, 4096 - random.below(400)).replace(/[^\n]*$/, '')), null);
  disk.sync(fd);
  disk.close(fd);
  machine.sync(dirname(QUEUE));
}
