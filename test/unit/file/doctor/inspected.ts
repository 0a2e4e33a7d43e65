import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Finding } from '../../../../lib/file/doctor/finding.js';
import { inspect } from '../../../../lib/file/doctor/inspect.js';
import type { Liveness, Processes } from '../../../../lib/file/lock/process-id.js';
import { type Fault, faultyFs } from '../../../support/faulty-fs.js';
import { fileOf, jobId } from '../../../support/queue-file.js';
import { openTest, type TestQueue } from '../../../support/queues.js';

export const [A, B, C] = [jobId(1), jobId(2), jobId(3)];

/** Owners whose names say how they are; who is asked about is noted. */
function known(): { processes: Processes; asked: string[] } {
  const asked: string[] = [];
  const liveness = (owner: string): Liveness => {
    asked.push(owner);
    return owner.includes('dead') ? 'dead' : owner.includes('alive') ? 'alive' : 'unknown';
  };
  return { processes: { self: () => 'here.boot.1.77.9.alive', liveness }, asked };
}

/** A queue over these rows, and the owners that were asked about. */
export function opened(t: TestContext, rows: string[], fault?: Fault): TestQueue & { asked: string[] } {
  const file = fileOf(t, ...rows);
  chmodSync(file, 0o640);
  const { processes, asked } = known();
  return { ...openTest(t, { file, processes, fs: faultyFs(fault).fs }), asked };
}

/** What an inspection of these rows finds. */
export const found = async (t: TestContext, ...rows: string[]): Promise<Finding[]> =>
  inspect(opened(t, rows).store);

/** Inspects while these have the lock. */
export async function inspectUnderLock(test: TestQueue, ...owners: string[]): Promise<Finding[]> {
  mkdirSync(test.store.lock.path);
  for (const owner of owners) writeFileSync(tokenOf(test, owner), '');
  return inspect(test.store);
}

export const tokenOf = ({ store }: TestQueue, owner: string): string =>
  join(store.lock.path, `owner.${owner}`);
