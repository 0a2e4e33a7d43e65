import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { root, temporaryFolder } from './folders.js';

/** What a process needs of the environment; also where to leave the coverage of its code, if that is asked for. */
export const bareEnvironment: NodeJS.ProcessEnv = {
  PATH: process.env.PATH,
  // Temporary folders may be in memory, or in the layer of a container.
  QUEUE_ANY_FILE_SYSTEM: '1',
  // The jobs of many files of tests have been due since 1970.
  QUEUE_NO_WORKER_AFTER: '0',
  ...(process.env.NODE_V8_COVERAGE && {
    NODE_V8_COVERAGE: process.env.NODE_V8_COVERAGE,
    NODE_OPTIONS: process.env.NODE_OPTIONS,
  }),
};

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** The folder where this code runs: that of scripts/test.js's translation, or {@link root} where tsx translates. */
const translation = fileURLToPath(new URL('.', import.meta.resolve('../../package.json')));

/**
 * Starts a script of JavaScript in a process of its own, which ends with the test at the latest. What it imports from
 * 'lib/…' is the library.
 */
export function startScript(
  t: TestContext,
  script: string,
  options: { uid?: number; env?: NodeJS.ProcessEnv; timeout?: number } = {},
): { child: ChildProcess; ended: Promise<Ended>; said: (what: string) => Promise<string> } {
  const { uid, env, timeout = 30_000 } = options;
  // Outside of the queue's folder, where it would count as litter.
  const folder = temporaryFolder(t);
  fs.chmodSync(folder, 0o755);
  const path = join(folder, 'script.mjs');
  fs.writeFileSync(path, script.replaceAll("'lib/", `'${translation}lib/`));
  const translator = translation !== root ? [] : ['--import', import.meta.resolve('tsx')];
  const child = spawn(process.execPath, [...translator, path], {
    cwd: root,
    env: { ...process.env, ...env, ...(uid === undefined ? {} : { HOME: folder }) },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  t.after(() => child.kill('SIGKILL'));
  const timer = setTimeout(() => child.kill('SIGKILL'), timeout);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  const ended = once(child, 'close').then(([code, signal]): Ended => {
    clearTimeout(timer);
    return { code, signal, stdout, stderr };
  });
  /** Resolves with the line of stdout that begins so. */
  const said = async (what: string): Promise<string> => {
    const find = (): string | undefined =>
      stdout
        .split('\n')
        .slice(0, -1)
        .find((said) => said.startsWith(what));
    let over = false;
    ended.then(() => {
      over = true;
    });
    while (find() === undefined) {
      assert.ok(!over, `the script ended without saying "${what}": ${stderr}`);
      await Promise.race([once(child.stdout, 'data'), ended]);
    }
    return find() as string;
  };
  return { child, ended, said };
}

/** Runs a script to its end; what it printed. */
export async function runScript(
  t: TestContext,
  script: string,
  options?: Parameters<typeof startScript>[2],
): Promise<string> {
  const { code, signal, stdout, stderr } = await startScript(t, script, options).ended;
  assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' });
  return stdout;
}

/** Who runs what root must not: file permissions mean nothing to root. */
export const UNPRIVILEGED: number | undefined = process.getuid?.() === 0 ? 65_534 : undefined;
