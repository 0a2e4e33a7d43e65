import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../workplace.js';
import type { Contestant } from './contestants.js';
import { versionOf } from './servers.js';

/** What the files in contestants/ import. */
const PACKAGES: Record<string, readonly string[]> = {
  sqlite: ['better-sqlite3'],
  plainjob: ['plainjob', 'better-sqlite3'],
  bullmq: ['bullmq', 'ioredis'],
  'pg-boss': ['pg-boss'],
  'graphile-worker': ['graphile-worker', 'pg'],
};

const folderOf = (name: string): string => join(import.meta.dirname, 'node_modules', name);

/** The first package that isn't there. A package of which only the sources are there lacks its compiled part. */
export function missingPackage(module: string): string | undefined {
  return PACKAGES[module]?.find((name) => {
    if (!existsSync(folderOf(name))) return true;
    return (
      name === 'better-sqlite3' && !existsSync(join(folderOf(name), 'build/Release/better_sqlite3.node'))
    );
  });
}

/** What was measured, in words. */
export function versions(contestants: readonly Contestant[]): string {
  const packages = new Set(contestants.flatMap(({ module }) => PACKAGES[module] ?? []));
  const servers = new Set(
    contestants.map(({ server }) => server).filter((server) => server !== 'redis-everysec'),
  );
  const version = (path: string): string =>
    JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')).version;
  return [
    `tsvq ${version(root)}`,
    ...[...packages].map((name) => `${name} ${version(folderOf(name))}`),
    ...[...servers].filter((server) => server !== undefined).map(versionOf),
  ].join(', ');
}
