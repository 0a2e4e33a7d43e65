import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type FileSystem, systemFs } from '../../../lib/file/disk/fs.js';

/** No case here needs more calls to the file system. One that goes on and on is found by it: it never ends by itself. */
const MOST_CALLS = 20_000;

/**
 * The system's own, without syncs, which nothing here depends on and which take most of the time, and with an end to
 * what can be asked of it.
 */
function limitedFs(): FileSystem {
  let calls = 0;
  const limited = Object.entries(systemFs).map(([name, call]) => [
    name,
    (...args: unknown[]): unknown => {
      if (++calls > MOST_CALLS) throw new Error(`more than ${MOST_CALLS} calls to the file system`);
      if (name === 'fsync' || name === 'fdatasync') return Promise.resolve();
      return (call as (...args: unknown[]) => unknown)(...args);
    },
  ]);
  return Object.fromEntries(limited) as FileSystem;
}

/** Where one case is tried out: a folder, and what a test gives to those who want to clean up. */
export interface Bench {
  readonly t: TestContext;
  readonly folder: string;
  readonly file: string;
  readonly fs: FileSystem;
}

/** Runs one case, and cleans up after it whatever came of it. */
export async function onBench<T>(run: (bench: Bench) => Promise<T>): Promise<T> {
  const ends: (() => unknown)[] = [];
  const t = { after: (end: () => unknown) => void ends.push(end) } as unknown as TestContext;
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'tsvq-input-')));
  try {
    return await run({ t, folder, file: join(folder, 'queue.tsv'), fs: limitedFs() });
  } finally {
    for (const end of ends) await end();
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}
