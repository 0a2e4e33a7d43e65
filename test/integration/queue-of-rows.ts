import { chmodSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { systemProcesses } from '../../lib/file/lock/process-id.js';
import { fileOf } from '../support/queue-file.js';
import { runOn } from './cli-process.js';

/** The owner of a claim: a process that does not exist. */
export const dead = [...systemProcesses.self().split('.').slice(0, 3), '4194304', '1', 'abc'].join('.');

/** A queue file of these lines, and the command on it. */
export function of(t: TestContext, ...rows: string[]) {
  const file = fileOf(t, ...rows);
  chmodSync(file, 0o640);
  return { file, queue: runOn(t, file) };
}
