import { run } from './children.js';

type Counts = Partial<Record<string, number>>;

/** Fills a queue with jobs that wait, or are finished. */
export async function seed(file: string, jobs: number, finished = false): Promise<void> {
  await run(new URL('./children/seed.js', import.meta.url), { file, jobs, finished });
}

/**
 * Holds a queue against what should be in it, so that no figure is of work that wasn't done.
 *
 * @throws if its stats() or the bare lines of the file say otherwise
 */
export async function check(file: string, expected: Counts): Promise<void> {
  const { stats, lines } = await run<{ stats: Counts; lines: Counts }>(
    new URL('./children/check.js', import.meta.url),
    { file },
  );
  for (const status of ['pending', 'processing', 'completed', 'failed', 'cancelled']) {
    for (const [who, counts] of Object.entries({ 'stats()': stats, 'the file': lines })) {
      const wanted = expected[status] ?? 0;
      const found = counts[status] ?? 0;
      if (found !== wanted)
        throw new Error(`${file}: ${who} has ${found} jobs ${status}, where ${wanted} were to be`);
    }
  }
}

/** @throws unless two numbers that say the same thing agree */
export function expectSame(what: string, found: number | undefined, wanted: number): void {
  if (found !== wanted) throw new Error(`${what}: ${found}, where ${wanted} were to be`);
}
