/** A line of the ledger: a step that ran, and the value that it returned. */
export interface Run {
  readonly job: string;
  readonly step: number;
  readonly value: string;
}

/** A job at the end: its state, its result, and the values in its file of steps. */
export interface EndedJob {
  readonly id: string;
  readonly status: string;
  readonly result: unknown;
  /** By the names of steps. */
  readonly recorded: ReadonlyMap<string, unknown>;
}

/** Reads a ledger. A last line that a kill cut is left out. */
export const readLedger = (text: string): Run[] =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const [job = '', step = '', value = ''] = line.split('\t');
      return { job, step: Number(step), value };
    });

/**
 * Finds what must not be: a recorded step that ran again, one that was skipped, and a result that isn't the recorded one.
 *
 * @param runs in the order in which they happened
 * @param steps how many steps each job has
 */
export function judge(runs: readonly Run[], jobs: readonly EndedJob[], steps: number): string[] {
  const last = new Map(runs.map(({ job, step, value }) => [`${job} ${step}`, value]));
  return jobs.flatMap(({ id, status, result, recorded }) => {
    if (status !== 'completed') return [`job ${id} is ${status}`];
    const results = Array.isArray(result) ? result : [];
    return Array.from({ length: steps }, (_, i) => {
      const ran = last.get(`${id} ${i}`);
      const value = recorded.get(`step ${i}`);
      if (ran === undefined) return [`job ${id}: step ${i} was skipped`];
      if (value === undefined) return [`job ${id}: step ${i} is not recorded`];
      // A step may run again until it is recorded, so what is recorded is what its last run returned.
      if (value !== ran) return [`job ${id}: step ${i} ran again after it was recorded`];
      if (results[i] !== value) return [`job ${id}: step ${i} gave ${results[i]}, and ${value} is recorded`];
      return [];
    }).flat();
  });
}
