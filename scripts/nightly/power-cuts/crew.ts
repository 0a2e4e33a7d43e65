import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { QueueOptions } from 'tsvq';
import { type Role, startChild } from '../../torture/child.js';

const ROLES: readonly Role[] = [
  'producer',
  'producer',
  'worker',
  'worker',
  'canceller',
  'retrier',
  'compactor',
];

/** The longest time of a drain, in ms. A longer one will never end. */
const LONGEST_DRAIN = 60_000;

export interface Ship {
  readonly file: string;
  readonly options: QueueOptions;
  /** The folder for the journals, on another disk. */
  readonly journals: string;
  readonly random: () => number;
}

interface Member {
  readonly child: ChildProcess;
  readonly journal: string;
  readonly closed: Promise<unknown>;
}

/** The processes that work on one queue between two cuts. */
export class Crew {
  /** The output of the processes on stderr, and the exit codes of those that ended by themselves. */
  readonly complaints: string[] = [];
  readonly #ship: Ship;
  readonly #name: string;
  readonly #members: Member[] = [];
  #isOver = false;
  #words = 0;
  #wordHeard = (): void => {};

  /** @param name a name that no other crew of this queue has */
  constructor(ship: Ship, name: string) {
    this.#ship = ship;
    this.#name = name;
  }

  /** Starts all processes. Resolves when each is about to begin its work. */
  async start(): Promise<void> {
    const ready = ROLES.map((role) => once(this.#start(role).stdout as NodeJS.ReadableStream, 'data'));
    await Promise.race([Promise.all(ready), ...this.#members.map(({ closed }) => closed)]);
  }

  /** Resolves when the journals have grown by so many bytes, or after so many ms. */
  async progress(bytes: number, ms: number): Promise<void> {
    const size = (): number => this.lengths().reduce((sum, length) => sum + length, 0);
    const enough = size() + bytes;
    const until = performance.now() + ms;
    while (size() < enough && performance.now() < until)
      await new Promise((resolve) => setTimeout(resolve, 1));
  }

  /** Resolves when a process says that it is in the middle of something, or after so many ms. */
  async middle(ms: number): Promise<void> {
    const before = this.#words;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms);
      this.#wordHeard = () => this.#words > before && resolve();
    });
    clearTimeout(timer);
  }

  /** Returns the lengths of the journals. Calls in them were acknowledged before now. */
  lengths(): number[] {
    return this.#members.map(({ journal }) => statSync(journal, { throwIfNoEntry: false })?.size ?? 0);
  }

  /** Kills all processes. @returns the journals, in the order of {@link lengths} */
  async stop(): Promise<Buffer[]> {
    this.kill();
    await Promise.all(this.#members.map(({ closed }) => closed));
    return this.#members.map(({ journal }) =>
      existsSync(journal) ? readFileSync(journal) : Buffer.alloc(0),
    );
  }

  /** Has one more worker run the remaining jobs. @returns its journal */
  async drain(): Promise<Buffer> {
    const child = this.#start('worker', { drain: true });
    const { journal, closed } = this.#members.at(-1) as Member;
    const timer = setTimeout(() => child.kill('SIGKILL'), LONGEST_DRAIN);
    const [code, signal] = (await closed) as [number | null, NodeJS.Signals | null];
    clearTimeout(timer);
    if (code !== 0) this.complaints.push(`the worker that drains ended with ${signal ?? code}`);
    return readFileSync(journal);
  }

  kill(): void {
    this.#isOver = true;
    for (const { child } of this.#members) child.kill('SIGKILL');
  }

  #start(role: Role, more: { drain?: boolean } = {}): ChildProcess {
    const { file, options, journals, random } = this.#ship;
    const name = `${this.#name}-${this.#members.length}`;
    const journal = join(journals, `${name}-${role}.jsonl`);
    const seed = Math.floor(random() * 2 ** 32);
    const limits = { calls: 0, cut: 0, longestDelay: 200, longestRest: 150, linger: 60_000 };
    const child = startChild(
      role,
      { file, options, journal, seed, name, ...limits, ...more },
      this.complaints,
    );
    child.stdout?.on('data', ({ length }: Buffer) => {
      this.#words += length;
      this.#wordHeard();
    });
    const closed = once(child, 'close');
    if (more.drain !== true) {
      void closed.then(([code, signal]) => {
        if (!this.#isOver) this.complaints.push(`a ${role} ended by itself with ${signal ?? code}`);
      });
    }
    this.#members.push({ child, journal, closed });
    return child;
  }
}
