import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** The folders of programs, also those of root's path that cron leaves out. */
const PATH = [...(process.env.PATH ?? '').split(':'), '/usr/local/sbin', '/usr/sbin', '/sbin'];

export const hasProgram = (name: string): boolean => PATH.some((folder) => existsSync(join(folder, name)));

/** Runs a program of the system to its end. @returns its output @throws an Error with its message if it fails */
export function run(program: string, ...args: readonly string[]): string {
  return execFileSync(program, args, {
    encoding: 'utf8',
    env: { ...process.env, PATH: PATH.join(':') },
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();
}
