import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { QueueOptions } from 'tsvq';

export type Role = 'producer' | 'worker' | 'canceller' | 'retrier' | 'compactor' | 'pauser' | 'scheduler';

/** What a process is told to do. */
export interface Order {
  readonly file: string;
  readonly options: QueueOptions;
  /** The path of its journal. */
  readonly journal: string;
  readonly seed: number;
  /** No two processes of one history have the same. */
  readonly name: string;
  /** It kills itself at this call that changes something on the disk, with that share of a write done. 0: never. */
  readonly calls: number;
  readonly cut: number;
  /** How long jobs wait at most before they are due, in ms. */
  readonly longestDelay: number;
  /** How long one that cancels, retries or compacts rests at most after each call, in ms. */
  readonly longestRest: number;
  /** Of a worker: how long it stays, in ms. Otherwise it decides that itself. */
  readonly linger?: number;
  /** Of a worker: it declares schedules. */
  readonly schedules?: boolean;
  /** Of a producer: it adds jobs of types with limits as well. */
  readonly limits?: boolean;
  /** Of a worker: it ends when no job is left that could run. */
  readonly drain?: boolean;
}

/** Starts a process that works on a queue. What it prints on stderr is added to `complaints`. */
export function startChild(role: Role, order: Order, complaints: string[]): ChildProcess {
  const script = role === 'producer' || role === 'worker' ? role : 'meddler';
  const path = fileURLToPath(new URL(`./children/${script}.js`, import.meta.url));
  const child = spawn(process.execPath, [path, JSON.stringify({ ...order, role })], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => complaints.push(`a ${role}: ${text}`));
  return child;
}
