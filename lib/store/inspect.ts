import { dirname } from 'node:path';
import { archiveFiles, archiveFolder } from './archive.js';
import type { Finding } from './finding.js';
import { type FileInfo, telling } from './fs.js';
import { inspectLines } from './inspect-lines.js';
import type { LockHolder } from './lock.js';
import { replacementsOf } from './replacement.js';
import type { Store } from './store.js';

/** A lock that is still held by the same owner after so long is not just a commit that happened to be under way. */
const PATIENCE_MS = 1000;
const LOOK_MS = 50;

/** Looks for what is wrong; takes no lock and changes nothing. */
export async function inspect(store: Store): Promise<Finding[]> {
  return telling(store.path, () => inspectAll(store));
}

async function inspectAll(store: Store): Promise<Finding[]> {
  const leftovers = replacementsOf(store.fs, store.realPath);
  const holders = await lastingHolders(store);
  const isQuiet = holders.every(({ liveness }) => liveness === 'dead');
  const index = await store.read('all');
  return [
    ...(index === undefined ? [] : await inspectLines(store, index, isQuiet)),
    ...holders.map(lockFinding),
    ...(isQuiet ? leftoverFindings(store, leftovers) : []),
    ...placeFindings(store),
    ...accessFindings(store),
  ];
}

/** Who died holding the lock, or holds it for longer than a commit takes. */
async function lastingHolders(store: Store): Promise<LockHolder[]> {
  const { clock, lock } = store;
  let holders = lock.holders();
  const until = clock.now() + PATIENCE_MS;
  while (holders.some(({ liveness }) => liveness !== 'dead') && clock.now() < until) {
    await clock.sleep(LOOK_MS);
    const now = lock.holders();
    holders = now.filter(({ token }) => holders.some((holder) => holder.token === token));
  }
  return holders;
}

function lockFinding({ pid, host, since, liveness }: LockHolder): Finding {
  const who = `process ${pid} on ${host}`;
  const when = since.toISOString();
  const message = {
    alive: `${who} has held the lock since ${when}, and is alive; if it is stuck, end it, or: queue unlock --force`,
    dead: `${who} died holding the lock, at ${when} or later; the next worker or change of a job repairs the file, or: queue unlock`,
    unknown: `${who} has held the lock since ${when}; whether it is alive can't be told from here: queue unlock`,
  }[liveness];
  return { kind: 'lock', message };
}

/** @param before what was there before the lock was looked at: a compaction under way has it, or has had it */
function leftoverFindings(store: Store, before: readonly string[]): Finding[] {
  return before
    .filter((path) => store.fs.stat(path) !== undefined)
    .map((path) => ({
      kind: 'leftover',
      message: `${path} is what a crash left of a compaction; delete it`,
    }));
}

function placeFindings({ placeProblem }: Store): Finding[] {
  return placeProblem === undefined ? [] : [{ kind: 'place', message: placeProblem }];
}

function accessFindings(store: Store): Finding[] {
  const { fs, path, realPath, lock } = store;
  const file = fs.stat(realPath);
  const folder = fs.stat(dirname(realPath));
  if (file === undefined || folder === undefined) return [];
  const findings: string[] = [];
  if ((file.mode & 0o002) !== 0) {
    findings.push(
      `everybody on this machine may write ${path} (mode ${octal(file)}), and with it have jobs run; chmod o-w it`,
    );
  }
  if ((file.mode & 0o600) !== 0o600) {
    findings.push(`not even its owner may read and write ${path} (mode ${octal(file)}); chmod u+rw it`);
  }
  if (file.uid !== folder.uid && !isShared(file, folder)) {
    findings.push(
      `${path} belongs to user ${file.uid}, its folder to user ${folder.uid}: only one of them can work it; chown them alike`,
    );
  }
  const anothers = (name: string): FileInfo | undefined => {
    const info = fs.stat(name);
    return info === undefined || info.uid === file.uid || isShared(info, file) ? undefined : info;
  };
  const archive = archiveFolder(realPath);
  let inArchive: string[] = [];
  try {
    if (anothers(archive) === undefined) inArchive = archiveFiles(fs, realPath);
  } catch (error) {
    findings.push((error as Error).message);
  }
  for (const name of [lock.path, `${realPath}.tick`, archive, ...inArchive]) {
    const info = anothers(name);
    if (info === undefined) continue;
    findings.push(
      `${name} belongs to user ${info.uid}, ${path} to user ${file.uid}: only one of them can use both; chown them alike`,
    );
  }
  if (findings.length === 0 && store.openFile()?.writable === false) {
    findings.push(
      `you may look at ${path}, and change nothing in it (mode ${octal(file)}, user ${file.uid}, group ${file.gid}); see "Permissions" in the operations guide`,
    );
  }
  return findings.map((message) => ({ kind: 'access', message }));
}

const isShared = (info: FileInfo, like: FileInfo): boolean =>
  info.gid === like.gid && (info.mode & 0o060) === 0o060;

const octal = ({ mode }: FileInfo): string => (mode & 0o777).toString(8).padStart(4, '0');
