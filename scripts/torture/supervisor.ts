import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type Order, type Role, startChild } from './child.js';

const MEDDLERS = ['canceller', 'retrier', 'compactor', 'pauser', 'scheduler'] as const;

/** What runs at a time; a meddler is another one in each of its lives. */
const SLOTS = ['producer', 'producer', 'worker', 'worker', 'worker', 'meddler'] as const;

/** The longest life of a process once it is up, and the longest time until it is up, in ms. */
const LONGEST_LIFE = 700;
const LONGEST_START = 10_000;
/** What is not done by then never will be. */
const LONGEST_DRAIN = 60_000;

/** How the lives of processes end. */
export type Death = 'at the start' | 'at a call' | 'in the middle' | 'at some time' | 'by itself';

export interface Plan {
  readonly file: string;
  /** For the journals. */
  readonly folder: string;
  readonly random: () => number;
  /** In ms. */
  readonly retention: number;
}

/** Starts processes on one queue, kills each, and starts the next in its place at once. */
export class Supervisor {
  readonly deaths: Record<Death, number> = {
    'at the start': 0,
    'at a call': 0,
    'in the middle': 0,
    'at some time': 0,
    'by itself': 0,
  };
  /** What processes that ended by themselves had to say on stderr. */
  readonly complaints: string[] = [];
  readonly journals: string[];
  readonly #plan: Plan;
  readonly #living = new Set<ChildProcess>();
  readonly #ended: Promise<unknown>[] = [];
  #lives = 0;
  #over = false;

  constructor(plan: Plan) {
    this.#plan = plan;
    this.journals = SLOTS.map((role, i) => join(plan.folder, `${role}-${i}.jsonl`));
  }

  get kills(): number {
    const { 'by itself': alive, ...killed } = this.deaths;
    return Object.values(killed).reduce((sum, count) => sum + count, 0);
  }

  /** Until {@link stop}. */
  start(): void {
    for (const [slot, role] of SLOTS.entries()) this.#ended.push(this.#keepAlive(role, slot));
  }

  /** Kills all, and starts none any more. */
  async stop(): Promise<void> {
    this.#over = true;
    for (const child of this.#living) child.kill('SIGKILL');
    await Promise.all(this.#ended);
  }

  /** One life without a death, to do what is left. */
  async drain(journal: string): Promise<void> {
    const child = this.#spawn('worker', { ...this.#order(journal), drain: true });
    const timer = setTimeout(() => child.kill('SIGKILL'), LONGEST_DRAIN);
    await once(child, 'close');
    clearTimeout(timer);
  }

  async #keepAlive(role: (typeof SLOTS)[number], slot: number): Promise<void> {
    const journal = this.journals[slot] as string;
    while (!this.#over) {
      const [meddler] = [...MEDDLERS].sort(() => this.#plan.random() - 0.5);
      await this.#live(role === 'meddler' ? (meddler as Role) : role, journal);
    }
  }

  async #live(role: Role, journal: string): Promise<void> {
    const { random } = this.#plan;
    const dice = random();
    const calls = dice < 0.6 ? Math.ceil(150 ** random()) : 0;
    const child = this.#spawn(role, { ...this.#order(journal), calls });
    let death: Death = 'at a call';
    const timers: NodeJS.Timeout[] = [];
    const killIn = (ms: number, why: Death): void => {
      const kill = (): void => {
        if (child.exitCode === null && child.kill('SIGKILL')) death = why;
      };
      timers.push(setTimeout(kill, ms));
    };
    killIn(LONGEST_START, 'at some time');
    if (dice >= 0.6 && dice < 0.72) killIn(30 + 150 * random(), 'at the start');
    const longest = LONGEST_LIFE * (0.1 + 0.9 * random());
    let words = dice >= 0.72 && dice < 0.95 ? Math.ceil(5 * random()) : Number.NaN;
    child.stdout?.once('data', () => killIn(longest, 'at some time'));
    child.stdout?.on('data', (said: Buffer) => {
      if (words >= 0 && words < said.length) killIn(8 * random(), 'in the middle');
      words -= said.length;
    });
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    for (const timer of timers) clearTimeout(timer);
    if (signal === 'SIGKILL') this.deaths[death]++;
    else {
      this.deaths['by itself']++;
      if (code !== 0) this.complaints.push(`a ${role} ended with ${signal ?? code}`);
    }
  }

  #order(journal: string): Order {
    const { file, random, retention } = this.#plan;
    const seed = Math.floor(random() * 2 ** 32);
    const name = `life${this.#lives++}`;
    const options = { retention };
    const limits = { longestDelay: 1500, longestRest: 25 };
    return {
      file,
      options,
      journal,
      seed,
      name,
      calls: 0,
      cut: random(),
      schedules: true,
      limits: true,
      ...limits,
    };
  }

  #spawn(role: Role, order: Order): ChildProcess {
    const child = startChild(role, order, this.complaints);
    this.#living.add(child);
    child.on('close', () => this.#living.delete(child));
    return child;
  }
}
