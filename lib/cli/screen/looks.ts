import type { Colours } from './colours.js';
import type { TimeText } from './times.js';

/** How a text is shown to people. */
export interface Looks {
  readonly time: TimeText;
  readonly colours: Colours;
  /** The width of the terminal; undefined if there is none. */
  readonly screen: number | undefined;
}

/** How a text that says how long ago something was is shown. */
export interface LooksNow extends Looks {
  /** In ms since 1970. */
  readonly now: number;
}
