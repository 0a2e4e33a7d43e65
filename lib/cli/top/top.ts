import { errorMessage } from '../../job/errors.js';
import { harmless } from '../../view/text.js';
import { notFound } from '../exit.js';
import type { Colours } from '../screen/colours.js';
import { fit } from '../screen/width.js';
import { fillPlace } from './fill.js';
import { footerOf } from './footer.js';
import { frameLines } from './frame.js';
import { press } from './keys.js';
import { Session, type Shown } from './session.js';
import { Terminal } from './terminal.js';

/** The lines around a list or a page, about. */
const AROUND = 8;

/** The live screen: it looks at the queue again and again, and does what keys ask for. */
export class Top {
  readonly #session: Session;
  readonly #colours: Colours;
  readonly #terminal: Terminal;
  #isOver = false;
  #signal: NodeJS.Signals | undefined;
  /** Ends the rest before the next look. */
  #wake: () => void = () => {};
  /** The look under way, or the last one; the next one begins after it. */
  #filling: Promise<void> = Promise.resolve();
  /** The keys before. A key acts on what the one before it has opened. */
  #pressing: Promise<void> = Promise.resolve();

  /** @param interval how long it is from a look to the next, in ms */
  constructor(shown: Shown, interval: number, colours: Colours) {
    this.#session = new Session(shown, interval);
    this.#session.onChanged = () => this.#fill(true);
    this.#colours = colours;
    this.#terminal = new Terminal({
      key: (key, text) => {
        if (key === 'ctrl+c') this.#end(undefined);
        else if (key === 'ctrl+z') this.#terminal.suspend();
        else this.#pressing = this.#pressing.then(() => this.#press(key, text));
      },
      redraw: () => this.#draw(),
      end: (signal) => this.#end(signal),
    });
  }

  /**
   * Shows the screen until a person quits.
   *
   * @returns the signal that ended it, if one did
   * @throws what the first look throws; later ones show their errors on the screen
   */
  async run(): Promise<NodeJS.Signals | undefined> {
    this.#terminal.start();
    try {
      this.#draw();
      await this.#look();
      while (!this.#isOver) {
        this.#draw();
        await this.#rest();
        if (!this.#isOver && !this.#session.isFrozen) await this.#fill(true);
      }
    } finally {
      this.#terminal.stop();
    }
    return this.#signal;
  }

  #end(signal: NodeJS.Signals | undefined): void {
    this.#isOver = true;
    this.#signal = signal;
    this.#wake();
  }

  async #rest(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#session.interval);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #press(key: string, text: string): Promise<void> {
    const session = this.#session;
    const { interval } = session;
    try {
      const answer = await press(session, key, text, this.#terminal.rows - AROUND);
      if (answer === 'quit') this.#end(undefined);
      else if (answer !== 'draw') await this.#fill(answer === 'look');
      if (session.interval !== interval) this.#wake();
    } catch (error) {
      session.message = errorMessage(error);
    }
    this.#draw();
  }

  /** Brings the place on the screen up to date. @param looks true to look at the queue first */
  #fill(looks: boolean): Promise<void> {
    this.#filling = this.#filling.then(async () => {
      const session = this.#session;
      try {
        if (looks) await this.#look();
        else await this.#fillPlace();
        session.trouble = '';
      } catch (error) {
        session.trouble = errorMessage(error);
      }
      this.#draw();
    });
    return this.#filling;
  }

  async #look(): Promise<void> {
    const { shown } = this.#session;
    const { view, store, patience } = shown;
    this.#session.look = await view.look(Date.now(), patience);
    await this.#fillPlace();
    if (!store.exists) throw notFound(`there is no queue file at ${store.path} any more`);
  }

  async #fillPlace(): Promise<void> {
    const { place, look, shown } = this.#session;
    if (look !== undefined) await fillPlace(place, look, shown, this.#terminal.columns);
  }

  #draw(): void {
    const { look, place, shown, isFrozen } = this.#session;
    const { columns, rows } = this.#terminal;
    if (this.#isOver) return;
    if (look === undefined) {
      this.#terminal.draw([fit(` queue top: reading ${harmless(shown.store.path)} …`, columns)]);
      return;
    }
    const note = isFrozen ? 'frozen' : '';
    const footer = footerOf(this.#session, columns);
    this.#terminal.draw(
      frameLines({ look, place, view: shown.view, footer, note, columns, rows, colours: this.#colours }),
    );
  }
}
