import type { VirtualProcess } from './virtual-process.js';

/** A call of pause or resume, from when it was asked for until its answer, its refusal or its process's end. */
interface Change {
  readonly what: 'pause' | 'resume';
  readonly of: VirtualProcess;
  /** In ms since 1970; Infinity: until it is resumed. */
  readonly until: number;
  readonly asked: number;
  ended: number | undefined;
  isAcknowledged: boolean;
  isOver: boolean;
}

const ALL = '*';

/** Knows which types are paused for certain, whatever the order of calls that overlap was. */
export class PauseJudge {
  readonly #changes = new Map<string, Change[]>();
  readonly #byRequest = new Map<number, Change>();
  readonly #elapsed: () => number;

  constructor(elapsed: () => number) {
    this.#elapsed = elapsed;
  }

  /** The types of which a pause was ever asked for. */
  get types(): string[] {
    return [...this.#changes.keys()];
  }

  asked(n: number, what: 'pause' | 'resume', [type, options]: readonly unknown[], of: VirtualProcess): void {
    const { until } = (options ?? {}) as { until?: string };
    const change: Change = {
      what,
      of,
      until: until === undefined ? Number.POSITIVE_INFINITY : Date.parse(until),
      asked: this.#elapsed(),
      ended: undefined,
      isAcknowledged: false,
      isOver: false,
    };
    this.#byRequest.set(n, change);
    this.#changes.set(type as string, [...(this.#changes.get(type as string) ?? []), change]);
  }

  ended(n: number, isAcknowledged: boolean): void {
    const change = this.#byRequest.get(n);
    if (change === undefined) return;
    change.ended = this.#elapsed();
    change.isAcknowledged = isAcknowledged;
  }

  /** Ends pauses whose time has come, for good: another process may take them out before a clock is set back. */
  expire(now: number): void {
    for (const changes of this.#changes.values())
      for (const change of changes) change.isOver ||= change.until <= now;
  }

  /** Whether no job of the type may be claimed. */
  isPaused(type: string): boolean {
    return this.#isCertain(type) || this.#isCertain(ALL);
  }

  #isCertain(type: string): boolean {
    const changes = this.#changes.get(type) ?? [];
    for (const change of changes) if (!change.of.alive) change.ended ??= this.#elapsed();
    const lasts = ({ what, isOver }: Change): boolean => what === 'pause' && !isOver;
    return changes.some(
      (pause) =>
        pause.isAcknowledged &&
        lasts(pause) &&
        // Whichever came after it, or may have, is a pause as well.
        changes.every((other) => lasts(other) || (other.ended !== undefined && other.ended < pause.asked)),
    );
  }
}
