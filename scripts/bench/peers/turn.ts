import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expectSame } from '../checked.js';
import { run } from '../children.js';
import type { Contestant } from './contestants.js';
import type { Servers } from './servers.js';

const child = new URL('./child.js', import.meta.url);

/** Where a contestant keeps its jobs. */
interface Place {
  readonly file: string;
  readonly socket: string;
}

/** One contestant at work, on an empty store of its own. */
export class Turn {
  readonly contestant: Contestant;
  readonly settings: object;
  readonly #place: Place;

  constructor(contestant: Contestant, settings: object, place: Place) {
    this.contestant = contestant;
    this.settings = settings;
    this.#place = place;
  }

  /** What a child process is asked for. */
  request(task: string, argument: object = {}): object {
    const { module } = this.contestant;
    return { module, settings: this.settings, place: this.#place, task, ...argument };
  }

  /** Runs one task in a Node of its own. */
  run<T>(task: string, argument: object = {}): Promise<T> {
    return run<T>(child, this.request(task, argument));
  }

  /** Makes the store, with so many jobs that wait. */
  async fill(jobs: number): Promise<void> {
    await this.run('fill', { jobs });
    // What lay in the queue before is on the disk already, so that no contestant has to write it there.
    spawnSync('sync');
  }

  /**
   * Holds the store against what should be in it.
   *
   * @throws if the store says otherwise, whatever the driver said
   */
  async check({ waiting, done }: { waiting: number; done: number }): Promise<void> {
    const counts = await this.run<{ waiting: number; done?: number }>('counts');
    expectSame(`${this.contestant.name}: jobs that wait`, counts.waiting, waiting);
    // Who deletes what is done leaves nothing to count: there, that none waits has to do.
    if (counts.done !== undefined) expectSame(`${this.contestant.name}: jobs done`, counts.done, done);
  }
}

/** Gives a contestant its turn: a fresh folder, its server, and an end to both. */
export async function withTurn<T>(
  { folder, servers }: { folder: string; servers: Servers },
  contestant: Contestant,
  settings: object,
  work: (turn: Turn) => Promise<T>,
): Promise<T> {
  const own = mkdtempSync(join(folder, 'turn-'));
  const server = contestant.server && (await servers.start(contestant.server));
  try {
    return await work(
      new Turn(contestant, settings, { file: join(own, 'queue'), socket: server?.socket ?? '' }),
    );
  } finally {
    await server?.stop();
    rmSync(own, { recursive: true, force: true });
  }
}
