import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Request } from './journal.js';

/** The command as it is installed. */
export const CLI: string = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

/** The exit code if another process held the lock for too long. */
const BUSY = 75;

/** A person who edits jobs and leaves notes with `queue lock -- sed -i`, and is killed at it now and then. */
export class Person {
  readonly journal: string;
  kills = 0;
  mark = 0;
  readonly #file: string;
  readonly #random: () => number;
  #over = false;

  constructor(file: string, journal: string, random: () => number) {
    this.#file = file;
    this.journal = journal;
    this.#random = random;
  }

  /** Until {@link stop}. @param ids of the jobs to edit */
  async edit(ids: readonly string[]): Promise<void> {
    while (!this.#over) {
      const id = ids[Math.floor(this.#random() * ids.length)] as string;
      const request: Request = { op: 'edit', id, mark: ++this.mark };
      this.#note({ e: 'ask', ...request });
      const code = await this.#run(id, this.mark);
      if (code === 0) this.#note({ e: 'told', ...request, done: true });
      // What became of it is unknown. As after any death, the next entry says that it is over.
      else if (code === null) this.#note({ e: 'up' });
      else {
        this.#note({
          e: 'refused',
          ...request,
          code: code === BUSY ? 'LOCK_TIMEOUT' : `exit ${code}`,
          message: '',
        });
      }
      // People are slow.
      await new Promise((resolve) => setTimeout(resolve, 800 * this.#random()));
    }
  }

  stop(): void {
    this.#over = true;
  }

  /** @returns the exit code, or null if it was killed */
  async #run(id: string, mark: number): Promise<number | null> {
    const scripts = ['-e', `/^${id}\t/s/"mark":[0-9]*/"mark":${mark}/`, '-e', `$a # note ${mark}`];
    const child = spawn(
      process.execPath,
      [CLI, '--file', this.#file, 'lock', '--', 'sed', '-i', ...scripts, this.#file],
      { stdio: 'ignore', detached: true },
    );
    // The command and what it runs: a group of their own.
    const killing = setTimeout(
      () => {
        // Until it is reaped, its group is there.
        if (child.exitCode === null) process.kill(-(child.pid as number), 'SIGKILL');
      },
      this.#random() < 0.7 ? 60 + 300 * this.#random() : 2 ** 31 - 1,
    );
    const [code] = (await once(child, 'close')) as [number | null];
    clearTimeout(killing);
    if (code === null) this.kills++;
    return code;
  }

  #note(entry: object): void {
    const t = Number(process.hrtime.bigint() / 1000n) / 1000;
    appendFileSync(this.journal, `${JSON.stringify({ t, ...entry })}\n`);
  }
}
