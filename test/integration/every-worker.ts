/* The workers that this package ships, writes and documents, each with a handler that a test gives it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { openQueue, type Queue } from 'tsvq';
import { projectFiles } from '../../lib/cli/templates.js';
import { root, temporaryFolder } from '../support/folders.js';
import { bareEnvironment } from '../support/processes.js';
import { CLI } from './cli-process.js';

/** A worker in a project of its own. */
export interface Project {
  file: string;
  queue: Queue;
  /** The type of its jobs. */
  type: string;
  /**
   * Runs it to its end.
   *
   * @param how a line of sh in which "$@" is the worker; by default that, with both streams kept
   */
  run(how?: string): Promise<{ code: number | null; stdout: string; stderr: string }>;
}

/** @param concurrency as text, for the environment or the command line */
type Prepare = (
  folder: string,
  handler: string,
  concurrency: string,
) => { type?: string; args: string[]; env?: NodeJS.ProcessEnv };

const write = (folder: string, files: Record<string, string>): void => {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
};

const ofInit =
  (kind: 'module' | 'commonjs'): Prepare =>
  (folder, handler, concurrency) => {
    write(folder, {
      ...projectFiles(kind),
      'package.json': `{"type": "${kind}"}`,
      'workers/handlers/hello.js':
        kind === 'module' ? `export const hello = ${handler};` : `module.exports = { hello: ${handler} };`,
    });
    return { args: ['workers/queue_worker.js'], env: { QUEUE_CONCURRENCY: concurrency } };
  };

/** By what they are called in the names of tests. */
export const WORKERS: Record<string, Prepare> = {
  'workers/queue_worker.js': (folder, handler, concurrency) => {
    cpSync(join(root, 'workers'), join(folder, 'workers'), { recursive: true });
    write(folder, {
      'package.json': '{"type": "module"}',
      'workers/handlers/webhook.js': `export const webhook = ${handler};`,
    });
    return { type: 'webhook', args: ['workers/queue_worker.js'], env: { QUEUE_CONCURRENCY: concurrency } };
  },
  'the worker of queue init, as an ES module': ofInit('module'),
  'the worker of queue init, in CommonJS': ofInit('commonjs'),
  'queue work': (folder, handler, concurrency) => {
    write(folder, { 'h.mjs': `export const hello = ${handler};` });
    return { args: [CLI, 'work', 'h.mjs', '--concurrency', concurrency] };
  },
  'the web process of docs/operations.md': (folder, handler, concurrency) => {
    const page = readFileSync(join(root, 'docs/operations.md'), 'utf8');
    const section = page.slice(page.indexOf('## Working in a web process'));
    const [, code = ''] = /```ts\n([\s\S]*?)```/.exec(section) ?? [];
    write(folder, {
      'web.mjs': `import { openQueue } from 'tsvq';\nconst handlers = { hello: ${handler} };\n${code
        .replace('/srv/app/data/queue.tsv', join(folder, 'data/queue.tsv'))
        // So that it ends.
        .replace('linger: Infinity', `linger: 0, concurrency: ${concurrency}`)}`,
    });
    return { args: ['web.mjs'] };
  },
};

/** @param handler an expression of JavaScript */
export function projectOf(t: TestContext, name: string, handler: string, concurrency = 1): Project {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, 'node_modules'), { recursive: true });
  mkdirSync(join(folder, 'data'));
  symlinkSync(root, join(folder, 'node_modules/tsvq'));
  const { type = 'hello', args, env } = (WORKERS[name] as Prepare)(folder, handler, String(concurrency));
  const file = join(folder, 'data/queue.tsv');
  const run = async (how = '"$@"') => {
    const child = spawn('/bin/bash', ['-c', how, 'sh', process.execPath, ...args], {
      cwd: folder,
      env: { ...bareEnvironment, QUEUE_FILE: file, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 60_000,
      killSignal: 'SIGKILL',
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const [code] = await once(child, 'close');
    return { code, stdout, stderr };
  };
  return { file, queue: openQueue(file), type, run };
}
