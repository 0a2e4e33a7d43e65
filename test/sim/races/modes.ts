/** What kind of schedules to play. */
export interface Mode {
  readonly name: string;
  readonly lockLetsTwoIn?: boolean;
  readonly neverCompacts?: boolean;
  readonly foreignIsDead?: boolean;
  /** How many containers the processes live in; by the seed, if it is left out. */
  readonly namespaces?: number;
  readonly powerLoss?: boolean;
  readonly syncFails?: boolean;
  readonly killCutsWrites?: boolean;
  /** In ms; by the seed, if it is left out. */
  readonly lockTimeout?: number;
  readonly variant?: string;
  /** Calls to hit, where the usual ones find nothing. */
  readonly aims?: readonly string[];
}

/**
 * The design claims that what was acknowledged survives even this. A write that is cut as well can end up in one line
 * with another's row: nothing is lost by that, but the job is held until a person has looked.
 */
export const TWO_IN: Mode = {
  name: 'two in the lock',
  lockLetsTwoIn: true,
  neverCompacts: true,
  killCutsWrites: false,
};

/** In all of these nothing may be found. */
export const MODES: readonly Mode[] = [
  { name: 'normal' },
  { name: 'containers', namespaces: 2 },
  { name: 'power loss', powerLoss: true },
  TWO_IN,
];
