import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statfsSync, statSync } from 'node:fs';
import { cpus, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root: string = fileURLToPath(new URL('../..', import.meta.url));

/** What cron gives a program. A variable like NODE_EXTRA_CA_CERTS doubles the time that Node takes to start. */
export const bareEnvironment: NodeJS.ProcessEnv = { PATH: process.env.PATH };

/** Where the queue files lie: on the disk that the repository is on, since that is what is measured. */
const folder = join(root, 'data', 'bench');

/** A fresh, empty folder. */
export function makeFolder(): string {
  mkdirSync(folder, { recursive: true });
  return mkdtempSync(join(folder, 'run-'));
}

export function removeFolder(path: string): void {
  rmSync(path, { recursive: true, force: true });
}

export function removeAll(): void {
  rmSync(folder, { recursive: true, force: true });
}

/** @throws if syncs cost nothing there, or the package isn't built from these sources */
export function checkWorkplace(): void {
  const name = fileSystem();
  if (/tmpfs|ramfs/.test(name))
    throw new Error(`${folder} is on ${name}, in memory; a disk is what is measured`);
  const built = statSync(join(root, 'dist/index.js'), { throwIfNoEntry: false });
  if (built === undefined) throw new Error('dist/ is missing: npm run build');
  const newest = Math.max(
    ...readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' }).map(
      (name) => statSync(join(root, 'lib', name)).mtimeMs,
    ),
  );
  if (newest > built.mtimeMs) console.error('note: dist/ is older than lib/; this measures the older one');
}

/** Name of the file system, and of what it lies on where the system tells. */
export function fileSystem(): string {
  mkdirSync(folder, { recursive: true });
  let mounts: string;
  try {
    mounts = readFileSync('/proc/self/mounts', 'utf8');
  } catch {
    return `file system of type 0x${statfsSync(folder).type.toString(16)}`;
  }
  const found = mounts
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, at]) => at !== undefined && (`${folder}/`.startsWith(`${at}/`) || at === '/'))
    .sort((a, b) => (a[1] as string).length - (b[1] as string).length)
    .at(-1);
  return found === undefined ? 'unknown' : `${found[2]}`;
}

export function machine(): string {
  const [cpu] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return [
    `${cpus().length} × ${cpu?.model.trim() ?? 'unknown processor'}`,
    `${memory} GiB`,
    `${type()} ${release()}`,
    `Node ${process.version}`,
    `queue files on ${fileSystem()}`,
  ].join(', ');
}
