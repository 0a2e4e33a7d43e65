import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { root } from '../support/folders.js';
import { bareEnvironment } from '../support/processes.js';

const SCRIPT = join(root, 'workers/queue_worker.js');

/** How a run of the worker script ended, and what it said. */
export interface Run {
  code: number | null;
  stdout: string;
  stderr: string;
  /** The lines of stdout, each of which must be JSON. */
  events: Record<string, unknown>[];
}

/** Starts the worker script as cron does: from another folder, with hardly any environment. */
export function startWorker(env: NodeJS.ProcessEnv, { script = SCRIPT, args = [] as string[] } = {}) {
  const child = spawn(process.execPath, [script, ...args], {
    cwd: '/',
    env: { ...bareEnvironment, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  const ended = once(child, 'close').then(([code]): Run => {
    const events = stdout.split('\n').filter(Boolean);
    return { code, stdout, stderr, events: events.map((line) => JSON.parse(line)) };
  });
  /** Resolves when stderr has the text; rejects if the worker ends without it. */
  const complained = async (text: string): Promise<void> => {
    const closed = ended.then(() => 'closed');
    while (!stderr.includes(text))
      if ((await Promise.race([once(child.stderr, 'data'), closed])) === 'closed' && !stderr.includes(text))
        throw new Error(`the worker ended without saying "${text}", but: ${stderr}`);
  };
  return { child, ended, complained };
}

/** One tick of cron on a queue file. */
export const tick = (file: string, env: NodeJS.ProcessEnv = {}): Promise<Run> =>
  startWorker({ QUEUE_FILE: file, ...env }).ended;

/** The address of an HTTP server that is gone after the test. */
export async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
