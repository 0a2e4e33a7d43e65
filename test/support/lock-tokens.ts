import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemProcesses } from '../../lib/file/lock/process-id.js';

/** What stands in the lock's directory. */
export const inLock = (file: string): string[] =>
  existsSync(`${file}.lock`) ? readdirSync(`${file}.lock`) : [];

/** The tokens in the lock's directory. */
export const tokens = (file: string): string[] => inLock(file).filter((name) => name.startsWith('owner.'));

/** Says that the owner of a token was rewriting the file. */
export function leaveRewrite(file: string, token = leaveToken(file)): void {
  mkdirSync(`${file}.lock/rewriting`);
  writeFileSync(join(`${file}.lock/rewriting`, token), '');
}

/** Leaves the token of a process that is dead, or that is somewhere else. */
export function leaveToken(file: string, where: { host?: string; namespace?: string } = {}): string {
  const [host, boot, namespace] = systemProcesses.self().split('.');
  const token = `owner.${where.host ?? host}.${boot}.${where.namespace ?? namespace}.4194305.1.aa`;
  mkdirSync(`${file}.lock`, { recursive: true });
  writeFileSync(join(`${file}.lock`, token), '');
  return token;
}
