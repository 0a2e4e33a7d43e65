import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openQueue } from 'tsvq';
import { check, type Verdict } from './check.js';
import { readFinalState } from './final-state.js';
import { readJournal } from './journal.js';
import { CLI, Person } from './person.js';
import { type Death, Supervisor } from './supervisor.js';

export interface Torture {
  /** An empty folder, on the disk to be tried. */
  readonly folder: string;
  readonly seed: number;
  /** How long to kill, and after how many deaths to stop before that. */
  readonly ms: number;
  readonly mostKills?: number;
  /** Called now and then. */
  readonly progress?: (kills: number) => void;
}

export interface Report extends Verdict {
  readonly kills: number;
  readonly deaths: Readonly<Record<Death | 'a person', number>>;
}

/** How many jobs there are for people to edit. */
const PARKED = 5;

/** Has processes work on one queue and kills them, lets what is left come to its end, and checks the history. */
export async function torture({ folder, seed, ms, mostKills, progress }: Torture): Promise<Report> {
  const random = seeded(seed);
  const file = join(folder, 'data', 'queue.tsv');
  mkdirSync(join(folder, 'data'));
  const queue = openQueue(file);
  const parked = await queue.enqueueMany(
    Array.from({ length: PARKED }, () => ({
      type: 'parked',
      payload: { mark: 0 },
      options: { delay: '1d' },
    })),
  );

  // Jobs go to the archive within seconds, so that the file stays small and every compaction archives some.
  const supervisor = new Supervisor({ folder, file, random, retention: Math.min(ms / 3, 5000) });
  const person = new Person(file, join(folder, 'person.jsonl'), random);
  const editing = person.edit(parked);
  supervisor.start();
  const end = Date.now() + ms;
  const enough = (): boolean =>
    Date.now() >= end || supervisor.kills + person.kills >= (mostKills ?? Infinity);
  while (!enough()) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    progress?.(supervisor.kills + person.kills);
  }
  person.stop();
  await Promise.all([editing, supervisor.stop()]);

  // Otherwise there would always be something left to do.
  for (const { name } of await queue.listSchedules()) await queue.pauseSchedule(name);
  const drained = join(folder, 'drain.jsonl');
  await supervisor.drain(drained);
  for (const id of parked) await queue.cancelJob(id);
  await queue.compact();
  await queue.close();
  const journals = [...supervisor.journals, person.journal, drained].map(readJournal);
  const { violations, counts } = check(
    { journals, parked: new Map(parked.map((id) => [id, 0])) },
    readFinalState(file),
  );
  return {
    violations: [...violations, ...supervisor.complaints, ...(await findings(file))],
    counts,
    kills: supervisor.kills + person.kills,
    deaths: { ...supervisor.deaths, 'a person': person.kills },
  };
}

/** What `queue doctor` finds, but for the temporary files of compactions and of sed that were killed. */
async function findings(file: string): Promise<string[]> {
  for (const name of readdirSync(join(file, '..')))
    if (/^queue\.tsv\.[0-9a-f]{12}\.tmp$|^sed/.test(name)) unlinkSync(join(file, '..', name));
  try {
    await promisify(execFile)(process.execPath, [CLI, '--file', file, 'doctor', '--plain']);
    return [];
  } catch (error) {
    return [`queue doctor: ${(error as { stdout: string }).stdout}`];
  }
}

/** Numbers from 0 to 1, the same for the same seed. What the kernel makes of them is another matter. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
