import { type Fate, uncovered } from './crash.js';
import type { Operation } from './snapshot.js';

/** Numbers in [0, 1) from a seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** How many of the possible states are made at each step. */
export interface Thoroughness {
  /** The newest write is cut at one of so many bytes; 1 is every byte. */
  readonly everyNthCut: number;
  /** So many states with a fate of its own for each operation. */
  readonly samples: number;
}

const SECTOR = 512;
const PAGE = 4096;
const NOTHING: Fate = { size: Number.MAX_SAFE_INTEGER, keeps: () => false };

/** So many of the choices, the first ones, are extremes. */
export const EXTREMES = 12;

type Fates = Map<number, Fate>;

/** What power loss may do at the end of a log: the extremes, each way to tear the newest write, and samples. */
export function* choicesAt(
  log: readonly Operation[],
  { everyNthCut, samples }: Thoroughness,
  random: () => number,
): IterableIterator<Fates> {
  const open = uncovered(log);
  const isLock = locks(log);
  const isFile = (i: number): boolean => 'bytes' in (log[i] as Operation) || log[i]?.kind === 'truncate';
  const all = (rule: (i: number) => Fate): Fates => new Map(open.map((i) => [i, rule(i)]));

  for (const lock of ['kept', 'dropped'] as const) {
    for (const files of ['kept', 'dropped', NOTHING] as const) {
      for (const names of ['kept', 'dropped'] as const) {
        yield all((i) => (isLock(i) ? lock : isFile(i) ? files : names));
      }
    }
  }
  // In one directory, changes reach the disk in their order; here, each number of them.
  const names = open.filter((i) => !isFile(i) && !isLock(i));
  for (let k = 1; k < names.length; k++) {
    const last = names[k - 1] as number;
    for (const files of ['kept', 'dropped'] as const) {
      yield all((i) => (isFile(i) ? files : i <= last || isLock(i) ? 'kept' : 'dropped'));
    }
  }
  const newest = log.length - 1;
  const operation = log[newest];
  if (operation?.kind === 'write' && open.includes(newest)) {
    let context = 0;
    for (const fate of waysToTear(operation, everyNthCut, random)) {
      const others = context++ % 2 === 0 ? 'kept' : 'dropped';
      const lock = context % 3 === 0 ? 'dropped' : 'kept';
      yield all((i) => (i === newest ? fate : isLock(i) ? lock : others));
    }
  }
  for (let n = 0; n < samples; n++) yield sample(log, open, isFile, random);
}

/** Which operations are about the lock: its tokens say no more than that somebody may have died with it. */
export function locks(log: readonly Operation[]): (i: number) => boolean {
  const folders = new Set<number>();
  for (const operation of log) {
    if (operation.kind === 'link' && operation.name.endsWith('.lock')) folders.add(operation.target);
  }
  return (i) => {
    const operation = log[i] as Operation;
    return folders.has(operation.ino) || ('name' in operation && operation.name.endsWith('.lock'));
  };
}

function* waysToTear(
  { at, bytes }: Operation & { kind: 'write' },
  every: number,
  random: () => number,
): IterableIterator<Fate> {
  // Of a long write some 50 cuts, and 8 blocks of each size, say all there is to say.
  const step = every === 1 ? 1 : Math.max(every, Math.ceil(bytes.length / 50));
  const first = every === 1 ? 1 : 1 + Math.floor(random() * step);
  for (let cut = first; cut < bytes.length; cut += step) yield { cut };
  if (every > 1) yield { cut: bytes.length - 1 };
  for (const size of [SECTOR, PAGE]) {
    const blocks = Math.floor((at + bytes.length - 1) / size) - Math.floor(at / size) + 1;
    for (let block = 0; block < blocks && blocks > 1; block += Math.ceil(blocks / 8)) {
      if (block > 0 && every > 1) yield { cut: (Math.floor(at / size) + block) * size - at };
      yield { size, keeps: (n) => n < block };
      yield { size, keeps: (n) => n !== block };
      yield { size, keeps: (n) => n === block };
    }
  }
}

/** A fate of its own for each operation; names in their order, or in none. */
function sample(
  log: readonly Operation[],
  open: readonly number[],
  isFile: (i: number) => boolean,
  random: () => number,
): Fates {
  const fates: Fates = new Map();
  const ordered = random() < 0.5;
  const until = (open[Math.floor(random() * open.length)] ?? 0) + (random() < 0.3 ? log.length : 0);
  for (const i of open) {
    const operation = log[i] as Operation;
    const dice = random();
    let fate: Fate = dice < 0.5 ? 'kept' : 'dropped';
    if (!isFile(i) && ordered) fate = i <= until ? 'kept' : 'dropped';
    else if (operation.kind === 'write' && dice > 0.7) {
      if (dice > 0.9) fate = { cut: Math.floor(random() * operation.bytes.length) };
      else if (dice > 0.85) fate = NOTHING;
      else {
        const mask = Math.floor(random() * 2 ** 32);
        fate = { size: random() < 0.5 ? SECTOR : PAGE, keeps: (n) => ((mask >>> (n % 32)) & 1) === 1 };
      }
    }
    fates.set(i, fate);
  }
  return fates;
}
