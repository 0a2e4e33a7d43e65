import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, chownSync, constants, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Contestant } from './contestants.js';

type Server = NonNullable<Contestant['server']>;

/** Debian keeps PostgreSQL's programs out of the PATH. */
function programFolders(): string[] {
  const debian = '/usr/lib/postgresql';
  let versions: string[] = [];
  try {
    versions = readdirSync(debian).map((version) => join(debian, version, 'bin'));
  } catch {}
  return [...(process.env.PATH ?? '').split(delimiter), ...versions];
}

function find(program: string): string | undefined {
  return programFolders()
    .map((folder) => join(folder, program))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** The program that a server needs and this machine lacks. */
export function missing(server: Server): string | undefined {
  const needed = server === 'postgres' ? ['postgres', 'initdb'] : ['redis-server'];
  return needed.find((program) => find(program) === undefined);
}

export function versionOf(server: Server): string {
  const program = find(server === 'postgres' ? 'postgres' : 'redis-server') as string;
  const number = /\d+(\.\d+)+/.exec(String(spawnSync(program, ['--version']).stdout))?.[0];
  return `${server === 'postgres' ? 'PostgreSQL' : 'Redis'} ${number}`;
}

/** Starts the servers on sockets of their own, with data folders of their own, and stops them again. */
export class Servers {
  readonly #data: string;
  readonly #sockets: string;
  /** Who PostgreSQL runs as: it refuses to be root. */
  readonly #user: { uid: number; gid: number } | undefined;
  readonly #running = new Set<ChildProcess>();

  /** @param data on the disk that is measured @param sockets has a short name */
  constructor(data: string, sockets: string) {
    this.#data = data;
    this.#sockets = sockets;
    this.#user = process.getuid?.() === 0 ? { uid: idOf('-u'), gid: idOf('-g') } : undefined;
  }

  /** @returns where it listens, and how to stop it */
  async start(server: Server): Promise<{ socket: string; stop: () => Promise<void> }> {
    return server === 'postgres' ? this.#startPostgres() : this.#startRedis(server);
  }

  async #startPostgres(): Promise<{ socket: string; stop: () => Promise<void> }> {
    const data = join(this.#data, 'postgres');
    const socket = join(this.#sockets, 'postgres');
    const pristine = join(this.#data, 'pristine');
    if (mkdirSync(pristine, { recursive: true }) !== undefined) {
      mkdirSync(socket);
      for (const folder of [pristine, socket]) {
        if (this.#user) chownSync(folder, this.#user.uid, this.#user.gid);
      }
      const options = ['-D', pristine, '-U', 'bench', '-A', 'trust', '-E', 'UTF8', '--locale=C'];
      const { status, stderr } = spawnSync(find('initdb') as string, options, {
        ...this.#user,
        cwd: pristine,
      });
      if (status !== 0) throw new Error(`initdb: ${stderr}`);
    }
    rmSync(data, { recursive: true, force: true });
    if (spawnSync('cp', ['-a', pristine, data]).status !== 0)
      throw new Error(`${pristine} could not be copied`);
    // Its defaults, but for where it listens.
    const options = ['-D', data, '-c', 'listen_addresses=', '-c', `unix_socket_directories=${socket}`];
    const postgres = spawn(find('postgres') as string, options, {
      ...this.#user,
      cwd: data,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#running.add(postgres);
    await said(postgres, postgres.stderr as NodeJS.ReadableStream, 'ready to accept connections');
    return { socket, stop: () => this.#end(postgres, 'SIGINT') };
  }

  async #startRedis(server: Server): Promise<{ socket: string; stop: () => Promise<void> }> {
    const data = join(this.#data, 'redis');
    rmSync(data, { recursive: true, force: true });
    mkdirSync(data);
    const socket = join(this.#sockets, 'redis');
    const options = {
      port: '0',
      unixsocket: socket,
      dir: data,
      save: '',
      appendonly: 'yes',
      appendfsync: server === 'redis-always' ? 'always' : 'everysec',
      'maxmemory-policy': 'noeviction',
    };
    const redis = spawn(
      find('redis-server') as string,
      Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]),
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    this.#running.add(redis);
    await said(redis, redis.stdout as NodeJS.ReadableStream, 'ready to accept connections');
    return { socket, stop: () => this.#end(redis, 'SIGTERM') };
  }

  async #end(server: ChildProcess, signal: NodeJS.Signals): Promise<void> {
    this.#running.delete(server);
    if (server.exitCode !== null || server.signalCode !== null)
      throw new Error(`${server.spawnfile} ended before it was told to`);
    const ended = once(server, 'exit');
    server.kill(signal);
    await ended;
  }

  /** For the moment when nothing can be waited for any more. */
  kill(): void {
    for (const server of this.#running) server.kill('SIGQUIT');
  }
}

/** The number of the user, or of the group, that PostgreSQL's package has made. */
function idOf(which: '-u' | '-g'): number {
  for (const name of ['postgres', 'nobody']) {
    const { status, stdout } = spawnSync('id', [which, name]);
    if (status === 0) return Number(String(stdout));
  }
  throw new Error('there is no user that PostgreSQL could run as');
}

/** Waits until a server has said that it is ready; what it says afterwards is read and dropped. */
async function said(server: ChildProcess, output: NodeJS.ReadableStream, words: string): Promise<void> {
  const heard: string[] = [];
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.once('exit', () => reject(new Error(`${server.spawnfile} did not start:\n${heard.join('\n')}`)));
    createInterface({ input: output }).on('line', (line) => {
      if (heard.length < 100) heard.push(line);
      if (line.includes(words)) resolve();
    });
  });
}
