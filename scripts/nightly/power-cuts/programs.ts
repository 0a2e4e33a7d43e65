import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Root has these on its path; what cron starts may not. */
const PATH = [...(process.env.PATH ?? '').split(':'), '/usr/local/sbin', '/usr/sbin', '/sbin'];

export const hasProgram = (name: string): boolean => PATH.some((folder) => existsSync(join(folder, name)));

/** Runs a program of the system to its end. @returns what it prints @throws if it fails, with what it says */
export function run(program: string, ...args: readonly string[]): string {
  return execFileSync(program, args, {
    encoding: 'utf8',
    env: { ...process.env, PATH: PATH.join(':') },
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();
}
