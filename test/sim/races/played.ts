import type { Mode } from './modes.js';

/** What came of a schedule. */
export interface Played {
  readonly seed: number;
  readonly steps: number;
  readonly kills: number;
  readonly jobs: number;
  readonly runs: number;
  readonly fingerprint: string;
  readonly violation: string | undefined;
  readonly log: readonly string[];
}

/** How to tell people of a violation. */
export function toText({ seed, steps, violation, log }: Played, mode: Mode, last = 60): string {
  const tail = log.slice(-last).join('\n');
  return `${mode.name}, seed ${seed}: ${violation}\nafter ${steps} steps, of which the last were\n${tail}`;
}
