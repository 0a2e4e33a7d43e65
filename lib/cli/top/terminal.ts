import { emitKeypressEvents, type Interface, type Key as Keypress } from 'node:readline';
import { writeOut } from '../output.js';

/** The ways in which a screen may be told to end. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** How long an escape may be the beginning of an arrow key, in ms. */
const ESCAPE_MS = 50;
/** How long the system may take to stop this process, in ms. */
const STOP_MS = 100;

/** The alternate screen, without a cursor or wrapped lines, and with pasted text marked as such. */
const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[?2004h';
const LEAVE = '\x1b[?2004l\x1b[?7h\x1b[?25h\x1b[?1049l';
const CLEAR = '\x1b[2J';

/** What a person, or another process, does to a screen. */
export interface TerminalEvents {
  /** @param key a character, or the name of a key: `up`, `ctrl+c` @param text what it types; empty if nothing */
  key(key: string, text: string): void;
  /** The screen has another size, or is shown again. */
  redraw(): void;
  /** @param signal undefined if the terminal is gone */
  end(signal: NodeJS.Signals | undefined): void;
}

/** The terminal as one screen of lines. Whatever ends the process gives the terminal back. */
export class Terminal {
  readonly #events: TerminalEvents;
  /** The lines on the screen; undefined if that isn't known. */
  #drawn: readonly string[] | undefined;
  #isEntered = false;
  #isPasting = false;
  readonly #listeners = new Map<NodeJS.Signals, () => void>();

  constructor(events: TerminalEvents) {
    this.#events = events;
  }

  get columns(): number {
    return process.stdout.columns || 80;
  }

  get rows(): number {
    return process.stdout.rows || 24;
  }

  start(): void {
    const { stdin, stdout } = process;
    for (const signal of SIGNALS) this.#on(signal, () => this.#events.end(signal));
    this.#on('SIGCONT', () => this.#enter());
    this.#on('SIGTSTP', () => this.suspend());
    process.on('exit', this.#leave);
    // Of the interface, only this number is used.
    emitKeypressEvents(stdin, { escapeCodeTimeout: ESCAPE_MS } as unknown as Interface);
    stdin.on('keypress', this.#keypress).on('end', this.#gone).on('error', this.#gone);
    stdout.on('resize', this.#redraw).on('error', this.#gone);
    this.#enter();
  }

  stop(): void {
    const { stdin, stdout } = process;
    // While errors are still heard, because the terminal may be gone.
    this.#leave();
    stdin.off('keypress', this.#keypress).off('end', this.#gone).off('error', this.#gone).pause();
    stdout.off('resize', this.#redraw).off('error', this.#gone);
    for (const [signal, listener] of this.#listeners) process.off(signal, listener);
    process.off('exit', this.#leave);
  }

  /** Shows lines, none wider than the screen. Only those that have changed are written. */
  draw(lines: readonly string[]): void {
    if (!this.#isEntered) return;
    let text = this.#drawn === undefined ? CLEAR : '';
    const before = this.#drawn ?? [];
    for (let i = 0; i < Math.max(lines.length, before.length); i++) {
      if (lines[i] === before[i]) continue;
      // Erased first, because erasing behind a full line takes its last character.
      text += `\x1b[${i + 1};1H\x1b[K${lines[i] ?? ''}`;
    }
    this.#drawn = [...lines];
    writeOut(text);
  }

  /** Stops the process, as ^Z does elsewhere, until the shell continues it. */
  suspend(): void {
    this.#leave();
    const listener = this.#listeners.get('SIGTSTP') as () => void;
    process.off('SIGTSTP', listener);
    // The group, because a program like npx may have started this one.
    process.kill(0, 'SIGTSTP');
    // Where no shell waits, the system ignores that signal.
    setTimeout(() => {
      process.on('SIGTSTP', listener);
      this.#enter();
    }, STOP_MS);
  }

  #on(signal: NodeJS.Signals, listener: () => void): void {
    this.#listeners.set(signal, listener);
    process.on(signal, listener);
  }

  #enter(): void {
    if (!process.stdin.isTTY) return;
    // A shell has changed the mode while the process was stopped, and Node takes it for unchanged.
    process.stdin.setRawMode(false);
    process.stdin.setRawMode(true);
    if (!this.#isEntered) writeOut(ENTER);
    this.#isEntered = true;
    this.#redraw();
  }

  readonly #leave = (): void => {
    if (!this.#isEntered) return;
    this.#isEntered = false;
    writeOut(LEAVE);
    process.stdin.setRawMode(false);
  };

  readonly #gone = (): void => this.#events.end(undefined);

  readonly #redraw = (): void => {
    this.#drawn = undefined;
    this.#events.redraw();
  };

  readonly #keypress = (text: string | undefined, key: Keypress): void => {
    if (key.name === 'paste-start' || key.name === 'paste-end') {
      this.#isPasting = key.name === 'paste-start';
      return;
    }
    // Pasted text is text, and no keys: it must not change jobs.
    if (this.#isPasting) this.#events.key('paste', text ?? '');
    else this.#events.key(...nameOf(text ?? '', key));
  };
}

/** Returns the name of a key, and what it types. */
function nameOf(text: string, { ctrl, shift, name, sequence = '' }: Keypress): [key: string, text: string] {
  if (ctrl) return [`ctrl+${name}`, ''];
  if (shift && name === 'tab') return ['shift+tab', ''];
  const isTyped = text !== '' && !/^[\p{Cc}]/u.test(text) && sequence === text;
  return isTyped ? [text, text] : [name ?? '', ''];
}
