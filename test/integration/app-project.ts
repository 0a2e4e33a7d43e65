import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { root, temporaryFolder } from '../support/folders.js';

/** A project in which the package is installed. */
export function project(t: TestContext, manifest = '{}', name = 'app'): string {
  const folder = join(temporaryFolder(t), name);
  mkdirSync(join(folder, 'node_modules'), { recursive: true });
  symlinkSync(root, join(folder, 'node_modules/tsvq'));
  writeFileSync(join(folder, 'package.json'), manifest);
  return folder;
}

/** What cron makes of a line: it gives the command to sh, from the home folder, with hardly any environment. */
export async function runAsCron(line: string): Promise<void> {
  const [, command = ''] = line.match(/^(?:\S+ ){5}(.*)$/) ?? [];
  // A bare % would end the command.
  assert.doesNotMatch(command, /(?<!\\)%/);
  await promisify(execFile)('/bin/sh', ['-c', command.replaceAll('\\%', '%')], {
    cwd: '/',
    env: { PATH: '/usr/bin:/bin', HOME: '/' },
  });
}
