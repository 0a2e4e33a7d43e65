import type { TestContext } from 'node:test';
import { systemProcesses } from '../../lib/file/lock/process-id.js';
import { fileOf, jobId, line } from './queue-file.js';
import { openTest } from './queues.js';

/** The time of a test's clock that nothing has moved yet, in seconds. */
export const NOW = Date.UTC(2030, 0, 1) / 1000;
const [host, boot, namespace] = systemProcesses.self().split('.');

/** The owner of a claim: a process of this host that is dead. */
export const dead = (n = 1): string => `${host}.${boot}.${namespace}.4194305.${n}.aa`;
/** An owner on another host, which can not be judged from here. */
export const elsewhere = 'elsewhere.0.0.17.1.aa';
/** An owner in another container of this host, which can not be judged either. */
export const silent = `${host}.${boot}.1.17.1.aa`;

/** The line of a job that a worker has claimed: a dead one, unless the fields say otherwise. */
export const claimed = (n: number, fields: Parameters<typeof line>[0] = {}): string =>
  line({
    id: jobId(n),
    status: 'processing',
    version: 2,
    attempts: 1,
    started_at: NOW - 10,
    locked_by: dead(),
    ...fields,
  });

/** A queue over a file of these lines. */
export function over(t: TestContext, ...lines: string[]) {
  const file = fileOf(t, ...lines);
  return openTest(t, { file });
}
