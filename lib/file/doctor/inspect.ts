import type { TsvqError } from '../../job/errors.js';
import { replacementsOf } from '../compaction/rewrite.js';
import { withStoreErrors } from '../disk/fs.js';
import { describePlace, placeOf } from '../disk/place.js';
import { hasLeftRepair, type LockHolder } from '../lock/lock.js';
import type { Store } from '../store.js';
import type { Finding } from './finding.js';
import { inspectAccess } from './inspect-access.js';
import { inspectLines } from './inspect-lines.js';
import { inspectFiles } from './orphaned-files.js';

/** The time in ms after which a lock with the same holder is held for more than a commit. */
const PATIENCE_MS = 1000;
const LOOK_MS = 50;

/** Looks for problems of a queue. It takes no lock and changes nothing. */
export async function inspect(store: Store): Promise<Finding[]> {
  return withStoreErrors(store.path, () => inspectAll(store));
}

async function inspectAll(store: Store): Promise<Finding[]> {
  const leftovers = replacementsOf(store.fs, store.realPath);
  const access = inspectAccess(store);
  const holders = await lastingHolders(store).catch((error: unknown) => {
    // A lock that this process can't read has a finding itself.
    if (access.keepsOut && (error as TsvqError).code === 'NO_ACCESS') return [];
    throw error;
  });
  const isQuiet = holders.every(({ liveness }) => liveness === 'dead');
  const index = access.isFileDenied ? undefined : await store.read('all');
  return [
    ...(index === undefined ? [] : await inspectLines(store, index, isQuiet)),
    ...holders.map((holder) => lockFinding(holder, access.keepsOut)),
    ...(isQuiet ? leftoverFindings(store, leftovers) : []),
    ...(index === undefined ? [] : await inspectFiles(store)),
    ...access.findings,
    ...placeFindings(store, access.isFileDenied ? undefined : store.obstacle),
  ];
}

function placeFindings({ fs, realPath, options }: Store, obstacle: string | undefined): Finding[] {
  const place = options.anyFileSystem ? undefined : placeOf(fs, realPath);
  const messages = [...(obstacle ? [obstacle] : []), ...(place ? [describePlace(place, realPath)] : [])];
  return messages.map((message) => ({ kind: 'place', message }));
}

/** Returns the processes that died with the lock, or hold it longer than a commit takes. */
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

function lockFinding(holder: LockHolder, keepsOut: boolean): Finding {
  const { pid, host, since, liveness } = holder;
  const who = `process ${pid} on ${host}`;
  const when = since.toISOString();
  const repair = keepsOut
    ? 'first fix what is listed here under access; then the next process repairs the file'
    : 'the next worker or change of a job repairs the file, or: queue unlock';
  if (hasLeftRepair(holder)) {
    const message = `an append on ${host} was cut at ${when}, by a full disk say; ${repair}`;
    return { kind: 'lock', message };
  }
  const message = {
    alive: `${who} has held the lock since ${when}, and is alive; if it is stuck, end it, or: queue unlock --force`,
    dead: `${who} died holding the lock, at ${when} or later; ${repair}`,
    unknown: `${who} has held the lock since ${when}; this machine can't tell whether it is alive; if it is not: queue unlock`,
  }[liveness];
  return { kind: 'lock', message };
}

/** Finds leftovers. @param before the files listed before the lock was read; a newer compaction can't own one */
function leftoverFindings(store: Store, before: readonly string[]): Finding[] {
  return before
    .filter((path) => store.fs.stat(path) !== undefined)
    .map((path) => ({
      kind: 'leftover',
      message: `${path} was left by a compaction that crashed; delete it`,
    }));
}
