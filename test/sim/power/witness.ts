/** Something that somebody asked for or was told, and how long the disk's log was then. */
export type Fact = { readonly at: number; readonly id: string } & (
  | { readonly what: 'enqueued' }
  /** It was given this payload, when it was added or later. */
  | { readonly what: 'is to do'; readonly tag: string }
  /** Its handler was called. */
  | { readonly what: 'ran'; readonly attempt: number; readonly tag: string }
  | { readonly what: 'completed'; readonly attempt: number }
  | { readonly what: 'failed'; readonly attempt: number }
  /** A failed attempt was recorded, and others are left. */
  | { readonly what: 'waits'; readonly attempt: number }
  | { readonly what: 'asked to cancel' | 'cancelled' | 'asked to retry' | 'retried' }
  /** Its handler enqueued a follow-up. */
  | { readonly what: 'follows'; readonly parent: string; readonly attempt: number; readonly tag: string }
);

/** All that the world outside of the queue knows of it. */
export class Witness {
  readonly facts: Fact[];
  /** Payload tags of jobs that somebody asked for, and how long the log was then. */
  readonly asked: Map<string, number>;
  /** Other sorts of promises: how long the log was when a compaction began that has ended since. */
  readonly compacted: { from: number; at: number }[] = [];
  readonly #prefix: string;
  readonly #position: () => number;

  /** @param before what was known when the machine went down */
  constructor(prefix: string, position: () => number, before?: Pick<Witness, 'facts' | 'asked'>) {
    this.#prefix = prefix;
    this.#position = position;
    this.facts = before ? before.facts.map((fact) => ({ ...fact, at: 0 })) : [];
    this.asked = new Map([...(before?.asked.keys() ?? [])].map((tag) => [tag, 0]));
  }

  get position(): number {
    return this.#position();
  }

  /** A tag that names one job to be. */
  ask(): string {
    const tag = `${this.#prefix}${this.asked.size}`;
    this.asked.set(tag, this.position);
    return tag;
  }

  // biome-ignore lint/suspicious/noExplicitAny: Omit would merge the union's members into one.
  note(fact: Fact extends infer F ? (F extends any ? Omit<F, 'at'> : never) : never): void {
    this.facts.push({ ...fact, at: this.position } as Fact);
  }

  /** What was known when the log was so long. */
  until(length: number): Pick<Witness, 'facts' | 'asked'> {
    return {
      facts: this.facts.filter(({ at }) => at <= length),
      asked: new Map([...this.asked].filter(([, at]) => at <= length)),
    };
  }
}
