import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { root, temporaryFolder } from '../support/folders.js';
import { bareEnvironment } from '../support/processes.js';

/*
 * A real terminal, by tmux: a shell in it, keys for it, and what stands on its screen.
 */

const CLI: string = join(root, 'dist/cli.js');

/** The reason for which these tests are skipped; false if they can run. */
export const SKIP: string | false = hasTmux() ? false : 'tmux is not installed';

/** Longer than anything here takes on a busy machine. */
const PATIENCE_MS = 30_000;
/** How often the screen is looked at. */
const EVERY_MS = 40;

function hasTmux(): boolean {
  try {
    execFileSync('tmux', ['-V'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** A terminal with a shell in it. */
export class Screen {
  readonly #environment: NodeJS.ProcessEnv;

  /** Opens a terminal that is gone after the test. */
  static async open(
    t: TestContext,
    { columns = 100, rows = 30, env = {} }: { columns?: number; rows?: number; env?: NodeJS.ProcessEnv } = {},
  ): Promise<Screen> {
    let screen: Screen | undefined;
    // Before the folder goes, which has the server's socket.
    t.after(() => (screen === undefined ? undefined : screen.#tmux('kill-server').catch(() => {})));
    const folder = temporaryFolder(t);
    screen = new Screen({
      ...{ ...bareEnvironment, HOME: folder, TMUX_TMPDIR: folder, LC_ALL: 'C.UTF-8', HISTFILE: '/dev/null' },
      ...env,
    });
    const size = ['-x', String(columns), '-y', String(rows)];
    const shell = "exec env PS1='shell> ' bash --norc --noprofile -i";
    await screen.#tmux(
      ...[
        'start-server',
        ';',
        'set-option',
        '-g',
        'status',
        'off',
        ';',
        'set-option',
        '-g',
        'escape-time',
        '0',
        ';',
      ],
      ...['new-session', '-d', ...size, shell],
    );
    await screen.shows('shell>');
    return screen;
  }

  /** The command line of `queue top` on a file. */
  static command(file: string): string {
    return `${process.execPath} ${CLI} top -f ${file}`;
  }

  private constructor(environment: NodeJS.ProcessEnv) {
    this.#environment = environment;
  }

  /** Starts `queue top` on a file, and waits until it shows something. @returns its process id */
  async top(file: string, ...options: string[]): Promise<number> {
    await this.line(`${Screen.command(file)} ${options.join(' ')}; echo "code $?"`);
    await this.shows('? help  q quit');
    const shell = (await this.#tmux('display-message', '-p', '#{pane_pid}')).trim();
    return Number(readFileSync(`/proc/${shell}/task/${shell}/children`, 'utf8').trim());
  }

  /** Types a line, and Enter. */
  async line(text: string): Promise<void> {
    await this.#tmux('send-keys', '-l', text);
    await this.keys('Enter');
  }

  /** Presses keys, by their names in tmux. */
  async keys(...keys: string[]): Promise<void> {
    await this.#tmux('send-keys', ...keys);
  }

  /** Types characters. */
  async type(text: string): Promise<void> {
    await this.#tmux('send-keys', '-l', text);
  }

  /** Pastes a text, as a terminal does. */
  async paste(text: string): Promise<void> {
    await this.#tmux('set-buffer', text);
    await this.#tmux('paste-buffer', '-p');
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#tmux('resize-window', '-x', String(columns), '-y', String(rows));
  }

  /** Lets tmux write all that a program prints from now on into a file. */
  async copyTo(path: string): Promise<void> {
    await this.#tmux('pipe-pane', `cat > ${path}`);
  }

  /** The lines of the screen. */
  async lines(): Promise<string[]> {
    return (await this.#tmux('capture-pane', '-p')).split('\n').slice(0, -1);
  }

  /** True while a program shows its alternate screen. */
  async isAlternate(): Promise<boolean> {
    return (await this.#tmux('display-message', '-p', '#{alternate_on}')).trim() === '1';
  }

  async isCursorShown(): Promise<boolean> {
    return (await this.#tmux('display-message', '-p', '#{cursor_flag}')).trim() === '1';
  }

  /** The screen with the sequences of its colours. */
  async styled(): Promise<string> {
    return this.#tmux('capture-pane', '-p', '-e');
  }

  /** Resolves once the screen has a text, or fits a condition. @returns the lines then */
  async shows(wanted: string | RegExp | ((lines: string[]) => boolean)): Promise<string[]> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const lines = await this.lines();
      const text = lines.join('\n');
      const isThere =
        typeof wanted === 'string'
          ? text.includes(wanted)
          : wanted instanceof RegExp
            ? wanted.test(text)
            : wanted(lines);
      if (isThere) return lines;
      if (Date.now() > deadline) throw new Error(`the screen never showed ${wanted}, but:\n${text}`);
      await sleep(EVERY_MS);
    }
  }

  /** Resolves once a row is the chosen one. */
  async chooses(text: string): Promise<string[]> {
    return this.shows((lines) => lines.some((line) => line.startsWith('>') && line.includes(text)));
  }

  async #tmux(...args: string[]): Promise<string> {
    const { stdout } = await promisify(execFile)('tmux', ['-L', 'test', '-u', '-f', '/dev/null', ...args], {
      env: this.#environment,
      encoding: 'utf8',
    });
    return stdout;
  }
}
