import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { root } from '../support/folders.js';

/** How a process ended, and what it printed. */
export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/**
 * Runs a script in plain Node, over the package as it is built.
 *
 * @param script in a module of its own, where `file` is the queue file and `queue` the open queue
 * @param before a command that runs node in its turn: `['sh', '-c', 'ulimit -n 40; exec "$@"', 'sh']`
 */
export async function runNode(file: string, script: string, before: readonly string[] = []): Promise<Ended> {
  const module = `import { openQueue } from 'tsvq'; const file = ${JSON.stringify(file)};
    const queue = openQueue(file, { lockTimeout: '5s' }); ${script}`;
  const line = [...before, process.execPath, '--input-type=module', '-e', module];
  const child = spawn(line[0] as string, line.slice(1), {
    cwd: root,
    // strace counts the calls of each thread for itself.
    env: { ...process.env, UV_THREADPOOL_SIZE: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>,
  ]);
  return { code, signal, stdout, stderr };
}
