import { execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './folders.js';
import { UNPRIVILEGED } from './processes.js';

/** A client or a pool of pg, as tests use it. */
interface Client {
  query(text: string, values?: unknown[]): Promise<{ rows: Record<string, unknown>[] }>;
}

export interface TestPool extends Client {
  connect(): Promise<Client & { release(destroy?: boolean): void }>;
  end(): Promise<void>;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

/** Where Debian installs the programs of the server. */
const DEBIAN = '/usr/lib/postgresql';

const programs: string | undefined = (existsSync(DEBIAN) ? readdirSync(DEBIAN) : [])
  .sort()
  .map((version) => join(DEBIAN, version, 'bin'))
  .find((folder) => existsSync(join(folder, 'initdb')));

/** Why tests with PostgreSQL can't run here; false if they can. */
export const withoutPostgres: string | false =
  programs === undefined && `there is no server in ${DEBIAN} (apt-get install postgresql)`;

export interface PostgresServer {
  /** The address of its database. */
  readonly url: string;
  /** Opens a pool of pg. */
  pool(options?: object): TestPool;
  /** Stops the server at once, and removes its folder. */
  stop(): Promise<void>;
}

/** Starts a server on a socket of its own. It refuses to run as root. */
export async function startPostgres(): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), 'tsvq-pg-'));
  const owner = UNPRIVILEGED === undefined ? {} : { uid: UNPRIVILEGED, gid: UNPRIVILEGED };
  if (UNPRIVILEGED !== undefined) chownSync(folder, UNPRIVILEGED, UNPRIVILEGED);
  const options = { cwd: folder, env: { PATH: process.env.PATH, HOME: folder, LC_ALL: 'C' }, ...owner };
  const data = join(folder, 'data');
  const initdb = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync'];
  execFileSync(join(programs as string, 'initdb'), initdb, { ...options, stdio: 'ignore' });
  // No test cuts the power, so that nothing has to reach the disk.
  const settings = [
    'listen_addresses=',
    `unix_socket_directories=${folder}`,
    'fsync=off',
    'max_connections=50',
  ];
  const args = ['-D', data, ...settings.flatMap((setting) => ['-c', setting])];
  const server = spawn(join(programs as string, 'postgres'), args, {
    ...options,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const kill = (): void => void server.kill('SIGQUIT');
  process.once('exit', kill);
  const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    let said = '';
    server.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said.includes('ready to accept connections')) resolve();
    });
    void ended.then(() => reject(new Error(`the server ended: ${said}`)));
  });
  const url = `postgres:///postgres?host=${encodeURIComponent(folder)}&user=postgres`;
  const { Pool } = createRequire(join(root, 'package.json'))('pg') as {
    Pool: new (options: object) => TestPool;
  };
  return {
    url,
    pool: (more = {}) => new Pool({ connectionString: url, ...more }).on('error', () => {}) as TestPool,
    stop: async () => {
      kill();
      await ended;
      process.off('exit', kill);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
