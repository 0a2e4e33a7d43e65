import type { Store } from '../../file/store.js';
import { errorMessage } from '../../job/errors.js';
import type { Queue } from '../../queue.js';
import type { Patience } from '../../view/problems.js';
import type { Look, View } from '../../view/view.js';
import { isList, type Place, TABS } from './places.js';

/** A change that waits for a person's yes. */
interface Question {
  readonly text: string;
  readonly yes: () => Promise<void>;
}

/** The queue that a screen shows. */
export interface Shown {
  readonly queue: Queue;
  readonly store: Store;
  readonly view: View;
  readonly patience: Patience;
  /** True to refuse all changes. */
  readonly isReadOnly: boolean;
}

/** What a person does at the screen: the places that are open, and what was said and asked. */
export class Session {
  readonly shown: Shown;
  /** Undefined before the first look. */
  look: Look | undefined;
  /** How long it is from a look to the next, in ms. */
  interval: number;
  /** True while the picture stays as it is. */
  isFrozen = false;
  /** The text that is being typed, to search for it; undefined if none is. */
  input: string | undefined;
  question: Question | undefined;
  message = '';
  /** Called when a change is over. */
  onChanged: () => void = () => {};
  /** Why the last look has failed; empty if it hasn't. */
  trouble = '';
  /** The place on the screen comes last. */
  readonly #places: Place[] = [(TABS[0] as (typeof TABS)[number]).open()];

  constructor(shown: Shown, interval: number) {
    this.shown = shown;
    this.interval = interval;
  }

  get place(): Place {
    return this.#places.at(-1) as Place;
  }

  /** Opens a place from the one on the screen. */
  open(place: Place): void {
    this.#places.push(place);
  }

  /** Opens one of the views. */
  show(tab: number): void {
    const view = TABS[(tab + TABS.length) % TABS.length] as (typeof TABS)[number];
    this.#places.splice(0, this.#places.length, view.open());
  }

  /** Ends the search of a list, or takes away its marks, or goes back to where the place was opened from. */
  back(): void {
    const { place } = this;
    if (isList(place) && place.selection.marks.size > 0) place.selection.marks.clear();
    else if (isList(place) && place.text !== '' && !place.isOfSearch) {
      place.text = '';
      place.selection.clear();
    } else if (this.#places.length > 1) this.#places.pop();
  }

  /** Makes a change while the screen goes on, as the lock may be another process's for long. */
  work(change: () => Promise<void>): void {
    change()
      .catch((error: unknown) => {
        this.message = errorMessage(error);
      })
      .finally(() => this.onChanged());
  }
}
