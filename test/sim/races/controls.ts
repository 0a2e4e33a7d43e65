import { type Mode, TWO_IN, UNDISTURBED } from './modes.js';
import type { Played } from './played.js';
import type { Threads } from './program.js';
import { play } from './schedule.js';
import { SYNC_OF_FOLDER } from './trouble.js';

/** A design that loses something, and how it is found. */
export interface Control {
  readonly name: string;
  readonly mode: Mode;
  /** From here on it is found soon. */
  readonly seed: number;
  /** What must be said of it. */
  readonly finds: RegExp;
}

const control = (seed: number, mode: Mode, finds: RegExp): Control => ({
  name: mode.name,
  seed,
  mode,
  finds,
});
const LOST = /lost|no move|twice|can't be read|struck|leaves versions out|counts attempts|in the new file/;

/** Not that a line can't be read, which power loss may do to the right design as well. */
const UNSEEN = /did not see|is lost|not in the (new )?file/;

/** Commits of several rows, and readers. */
const MANY: Mode['requests'] = ['enqueueMany', 'enqueueMany', 'enqueue', 'get'];

/** New jobs, and a file that is often written anew. */
const REWRITING: Mode['requests'] = ['enqueue', 'enqueueMany', 'compact'];
/** Jobs with keys, and pauses. */
const ADDING: Mode['requests'] = ['add', 'add', 'add', 'addMany', 'cancel'];
const PAUSING: Mode['requests'] = ['add', 'add', 'pause', 'pause', 'resume'];
/** Schedules, declared again and again; and their jobs. */
const DECLARING: Mode['requests'] = ['schedule', 'schedule', 'pauseSchedule', 'resumeSchedule'];
const CANCELLING: Mode['requests'] = ['schedule', 'runNow', 'cancel', 'cancel', 'cancel'];
/** Many jobs of one type at once. */
const MANY_LIMITED: Mode['requests'] = ['enqueueMany', 'enqueueMany', 'enqueueMany', 'cancel'];
const REWRITTEN = /not in the (new )?file/;

/** Every one of them has to be found out. */
export const CONTROLS: readonly Control[] = [
  control(71, { name: 'plain proper-lockfile', variant: 'plain proper-lockfile', lockTimeout: 5000 }, LOST),
  control(
    99,
    { name: 'repair by the breaker', variant: 'repair by the breaker', aims: ['write'] },
    /lost|not in the file/,
  ),
  control(
    512,
    {
      ...TWO_IN,
      name: 'ftruncate',
      killCutsWrites: true,
      variant: 'ftruncate',
      aims: ['write', 'ftruncate'],
    },
    /cut|lost/,
  ),
  control(
    225,
    { name: 'no repair', variant: 'no repair', powerLoss: true, aims: [SYNC_OF_FOLDER], requests: REWRITING },
    LOST,
  ),
  control(22, { name: 'sync again', variant: 'sync again', powerLoss: true, syncFails: true }, LOST),
  control(
    8,
    { name: 'no sync of the directory', variant: 'no sync of the directory', powerLoss: true },
    /lost/,
  ),
  control(
    421,
    { name: 'strikes before the sync', variant: 'strikes before the sync', powerLoss: true },
    /lost/,
  ),
  control(83, { name: 'retry sets attempts back', variant: 'retry sets attempts back' }, /attempt/),
  control(64, { name: 'no namespace in a token', namespaces: 2, foreignIsDead: true }, LOST),
  control(19, { name: 'two in the lock, one compacts', lockLetsTwoIn: true }, LOST),
  control(130, { ...TWO_IN, name: 'last row wins', variant: 'last row wins' }, LOST),
  control(
    336,
    {
      name: 'commit markers, and a dead commit',
      variant: 'commit markers',
      powerLoss: true,
      powerFailsAtAppends: 0.5,
      requests: MANY,
    },
    UNSEEN,
  ),
  control(44, { name: 'size first', variant: 'size first', readers: true }, UNSEEN),
  control(
    14,
    { name: 'nothing is held', variant: 'nothing is held', powerLoss: true, damage: true },
    /damaged/,
  ),
  control(
    28,
    {
      name: 'tail closed with rows',
      variant: 'tail closed with rows',
      person: true,
      shortWrites: 0.5,
      namespaces: 1,
    },
    UNSEEN,
  ),
  control(7, { ...UNDISTURBED, name: 'looks at any time', variant: 'looks at any time' }, /not crossed out/),
  control(
    44,
    { name: 'no look behind', variant: 'no look behind', slowAppends: 0.7, requests: REWRITING },
    REWRITTEN,
  ),
  control(
    74,
    { name: 'made in silence', variant: 'made in silence', slowAppends: 0.5, requests: REWRITING },
    REWRITTEN,
  ),
  control(
    2,
    { name: 'keys before the lock', variant: 'keys before the lock', keyed: true, requests: ADDING },
    /its key is held by/,
  ),
  control(3, { name: 'no release', variant: 'no release', keyed: true, requests: ADDING }, /still waits for/),
  control(
    20,
    { name: 'pauses before the lock', variant: 'pauses before the lock', keyed: true, requests: PAUSING },
    /was paused/,
  ),
  control(
    20,
    { name: 'pauses cost attempts', variant: 'pauses cost attempts', keyed: true, requests: PAUSING },
    /attempts|no move/,
  ),
  control(
    70,
    { name: 'fired by an old row', variant: 'fired by an old row', scheduled: true },
    /was fired|once more|passed over/,
  ),
  control(
    62,
    {
      name: 'slots that nobody carries',
      variant: 'slots that nobody carries',
      scheduled: true,
      aims: ['write'],
    },
    /of slot .* is lost/,
  ),
  control(
    3,
    {
      name: 'slots by the clock',
      variant: 'slots by the clock',
      scheduled: true,
      requests: DECLARING,
    },
    /goes back/,
  ),
  control(
    3,
    { name: 'waits for one', variant: 'waits for one', scheduled: true, requests: CANCELLING },
    /was claimed, while|was released, although/,
  ),
  control(
    6,
    {
      name: 'limits before the lock',
      variant: 'limits before the lock',
      limited: 'type',
      requests: MANY_LIMITED,
    },
    /its concurrency is/,
  ),
  control(
    1,
    { name: 'limits read once', variant: 'limits read once', limited: 'type', requests: MANY_LIMITED },
    /at most .* may be/,
  ),
  control(
    31,
    {
      name: 'limits after the append',
      variant: 'limits after the append',
      limited: 'group',
      requests: MANY_LIMITED,
    },
    /at most .* may be/,
  ),
  control(
    6,
    {
      name: 'limits cost attempts',
      variant: 'limits cost attempts',
      limited: 'type',
      requests: MANY_LIMITED,
    },
    /attempts|no move/,
  ),
  control(
    1,
    { name: 'lanes stay shut', variant: 'lanes stay shut', limited: 'group', requests: MANY_LIMITED },
    /a worker left/,
  ),
];

/** Plays seeds until one finds the control out. */
export function findOut(threads: Threads, control: Control, first: number, most: number): Played | undefined {
  for (let seed = first; seed < first + most; seed++) {
    const played = play(threads, seed, control.mode);
    if (played.violation !== undefined && control.finds.test(played.violation)) return played;
  }
  return undefined;
}
