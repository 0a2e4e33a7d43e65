import { followUpId } from '../../lib/file/format/derived-id.js';
import { KEY_CHECKS } from './check-keys.js';
import { LIMIT_CHECKS } from './check-limits.js';
import { isOfSchedule, SLOT_CHECKS } from './check-slots.js';
import type { FinalState, Row } from './final-state.js';
import { type Call, callsOf, type Entry } from './journal.js';

/** What the journals say that must be true of the files. */
export interface History {
  /** The journal of each process, over all its lives. */
  readonly journals: readonly (readonly Entry[])[];
  /** The jobs that people edit: id, and the payload's mark before the first edit. */
  readonly parked: ReadonlyMap<string, number>;
}

export interface Verdict {
  readonly violations: readonly string[];
  /** How much there was to check. */
  readonly counts: Readonly<Record<'jobs' | 'operations' | 'acknowledged' | 'attempts', number>>;
}

type Of<O extends Call['op']> = Extract<Call, { op: O }>;

const isFinal = (status: string | undefined): boolean => /^(completed|failed|cancelled)$/.test(status ?? '');
const told = (call: Call) => (call.answer?.e === 'told' ? call.answer : undefined);

/** What there is to check, looked up in the ways that the checks need. */
export interface Evidence extends History, FinalState {
  readonly entries: readonly Entry[];
  readonly calls: readonly Call[];
  readonly of: <O extends Call['op']>(op: O) => Of<O>[];
  readonly runs: ReadonlyMap<string, Run>;
  readonly retries: ReadonlyMap<string, Of<'retry'>[]>;
}

/** One thing that must be true. It reports what is not. */
export type Check = (evidence: Evidence, fail: (text: string) => void) => void;

/**
 * Proves from what the processes were told, and from what is left, that nothing acknowledged was lost, nothing ran
 * twice, and no final state was left but by a retry.
 */
export function check(history: History, state: FinalState): Verdict {
  const violations: string[] = [];
  const evidence = gather(history, state);
  for (const each of CHECKS) each(evidence, (text) => void violations.push(text));
  const { calls, entries } = evidence;
  const attempts = entries.filter(({ e }) => e === 'start').length;
  return {
    violations,
    counts: {
      jobs: state.jobs.size,
      operations: calls.length + attempts,
      acknowledged: calls.filter((call) => told(call) !== undefined).length,
      attempts,
    },
  };
}

function gather(history: History, state: FinalState): Evidence {
  const calls = history.journals.flatMap(callsOf);
  const entries = history.journals.flat();
  const of = <O extends Call['op']>(op: O): Of<O>[] => calls.filter((call): call is Of<O> => call.op === op);
  return { ...history, ...state, entries, calls, of, runs: runsOf(entries), retries: groupById(of('retry')) };
}

const isOf = (entry: Entry, e: Entry['e'], what: string): boolean =>
  entry.e === e && ('event' in entry ? entry.event : 'op' in entry && entry.op) === what;

const nothingFailed: Check = ({ calls, entries }, fail) => {
  // A worker declares all schedules at its start, which may take until after the first call for one.
  const isDeclared = (at: number): boolean =>
    entries.some((e) => e.t < at && (isOf(e, 'recorded', 'scheduled') || isOf(e, 'told', 'run now')));
  for (const { op, from, answer } of calls) {
    if (answer?.e !== 'refused') continue;
    const isEarly = op === 'run now' && answer.code === 'INVALID_ARGUMENT' && !isDeclared(from);
    const isDuplicate = answer.code === 'DUPLICATE_JOB' && (op === 'add keyed' || op === 'retry');
    // A busy lock is an answer like any other; nothing else is expected of a healthy disk.
    if (answer.code !== 'LOCK_TIMEOUT' && !isDuplicate && !isEarly)
      fail(`${op} was refused: ${answer.code} ${answer.message}`);
  }
  for (const entry of entries) {
    if (entry.e === 'warning') fail(`a worker warned: ${entry.message}`);
    if (entry.e === 'refused' && entry.op === 'work') fail(`a worker failed: ${entry.code} ${entry.message}`);
  }
};

const noAttemptRanTwice: Check = ({ runs }, fail) => {
  for (const [id, { twice }] of runs) for (const n of twice) fail(`attempt ${n} of job ${id} ran twice`);
};

const whatWasAddedIsThere: Check = ({ jobs, of }, fail) => {
  for (const call of of('add')) {
    for (const [i, id] of (told(call)?.ids ?? []).entries()) {
      const row = jobs.get(id);
      if (row === undefined) fail(`job ${id} was acknowledged and is gone`);
      else if (tagOf(row) !== call.tags[i]) fail(`job ${id} is not what was enqueued`);
    }
  }
};

/** Each tag is one job, all follow-ups of completed jobs are there, and a process enqueued every other job. */
const whatIsThereWasAdded: Check = ({ jobs, parked, of }, fail) => {
  const tags = new Map<string, string>();
  for (const [id, row] of jobs) {
    if (parked.has(id) || isOfSchedule(row)) continue;
    const tag = tagOf(row);
    const other = tags.get(tag);
    if (other !== undefined) fail(`${tag} is two jobs: ${other} and ${id}`);
    tags.set(tag, id);
  }
  const asked = new Set<string>([...of('add'), ...of('add keyed')].flatMap((call) => call.tags));
  for (const [id, { type, status, attempts }] of jobs) {
    if (type !== 'parent' || status !== 'completed') continue;
    for (const child of [1, 2]) {
      const tag = `${id}:${attempts}:${child}`;
      asked.add(tag);
      if (tags.get(tag) !== followUpId(id, Number(attempts), child - 1)) fail(`follow-up ${tag} is missing`);
    }
    // One with a key is there if the key was free.
    asked.add(`${id}:${attempts}:3`);
  }
  for (const [tag, id] of tags) if (!asked.has(tag)) fail(`no process enqueued job ${id} (${tag})`);
};

const everyJobHasEnded: Check = ({ jobs, parked, runs }, fail) => {
  for (const [id, row] of jobs) {
    if (parked.has(id)) continue;
    const { status, attempts = '' } = row;
    if (!isFinal(status)) fail(`job ${id} is still ${status}`);
    const { last = 0, ended } = runs.get(id) ?? {};
    if (last > Number(attempts)) fail(`job ${id} ran attempt ${last}, and has had ${attempts}`);
    if (status !== 'completed') continue;
    if (row.result !== `{"attempt":${attempts}}`) fail(`job ${id} has a result of another attempt`);
    if (!ended?.has(Number(attempts))) fail(`job ${id} is completed, and its handler never ended`);
  }
};

/** Only a retry leaves a final state that a process was told, be the retry acknowledged or not. */
const finalStatesStand: Check = ({ jobs, entries, of, runs, retries }, fail) => {
  const stands = (id: string, status: string, from: number, attempt?: number): void => {
    if (status !== 'completed' && retries.get(id)?.some(({ to }) => to >= from)) return;
    const row = jobs.get(id);
    if (row?.status !== status) fail(`job ${id} was ${status} and is ${row?.status ?? 'gone'}`);
    else if (attempt !== undefined && row.attempts !== String(attempt))
      fail(`job ${id} was ${status} by attempt ${attempt} and counts ${row.attempts}`);
  };
  for (const call of of('cancel')) if (told(call)?.done) stands(call.id, 'cancelled', call.from);
  for (const entry of entries) {
    if (entry.e === 'seen') stands(entry.id, entry.status, entry.t, entry.attempt);
    // Others may have seen the row, and retried the job, before its worker was told; not before the attempt began.
    if (entry.e === 'recorded' && isFinal(entry.event) && entry.event !== 'cancelled') {
      // A worker that was killed right after its claim has told of no beginning; a retry of that attempt came later.
      const retry = retries.get(entry.id)?.find(({ attempt }) => attempt === entry.attempt);
      const began = runs.get(entry.id)?.started.get(entry.attempt ?? 0) ?? retry?.from ?? entry.t;
      stands(entry.id, entry.event, began, entry.attempt);
    }
  }
};

const noRetryWasLost: Check = ({ jobs, of }, fail) => {
  const cancels = groupById(of('cancel'));
  for (const call of of('retry')) {
    if (!told(call)?.done) continue;
    const row = jobs.get(call.id);
    const cancelled = cancels.get(call.id)?.some(({ to }) => to >= call.from);
    if (!cancelled && !(Number(row?.attempts) > call.attempt)) fail(`the retry of job ${call.id} was lost`);
  }
};

const noEditWasLost: Check = ({ jobs, parked, notes, of }, fail) => {
  const edits = of('edit');
  for (const [id, first] of parked) {
    const mark = Number(/"mark":(\d+)/.exec(jobs.get(id)?.payload ?? '')?.[1]);
    const mine = edits.filter((edit) => edit.id === id);
    const last = Math.max(first, ...mine.filter((edit) => told(edit)?.done).map((edit) => edit.mark));
    if (mark !== last && !mine.some((edit) => edit.mark === mark && mark > last))
      fail(`the edit ${last} of job ${id} is lost: it has ${mark}`);
  }
  for (const edit of edits) {
    const count = notes.filter((note) => note === `# note ${edit.mark}`).length;
    if (count > 1 || (count === 0 && told(edit)?.done)) fail(`note ${edit.mark} is there ${count} times`);
  }
};

const theFileIsClean: Check = ({ ids, strange }, fail) => {
  for (const [id, count] of countEach(ids))
    if (count > 1) fail(`${count} rows of job ${id} are not crossed out`);
  for (const line of strange) fail(`a line that no process wrote: ${line.slice(0, 100)}`);
};

const CHECKS: readonly Check[] = [
  noAttemptRanTwice,
  nothingFailed,
  whatWasAddedIsThere,
  whatIsThereWasAdded,
  everyJobHasEnded,
  finalStatesStand,
  noRetryWasLost,
  noEditWasLost,
  theFileIsClean,
  ...KEY_CHECKS,
  ...SLOT_CHECKS,
  ...LIMIT_CHECKS,
];

/** A job's attempts: the last one, when each began, those whose handlers came to their end, those that began twice. */
interface Run {
  last: number;
  readonly started: Map<number, number>;
  readonly ended: Set<number>;
  readonly twice: number[];
}

function runsOf(entries: readonly Entry[]): Map<string, Run> {
  const runs = new Map<string, Run>();
  for (const entry of entries) {
    if (entry.e !== 'start' && entry.e !== 'end') continue;
    const { id, attempt } = entry;
    const run: Run = runs.get(id) ?? { last: 0, started: new Map(), ended: new Set(), twice: [] };
    runs.set(id, run);
    if (entry.e === 'end') run.ended.add(attempt);
    else {
      if (run.started.has(attempt)) run.twice.push(attempt);
      run.started.set(attempt, entry.t);
      run.last = Math.max(run.last, attempt);
    }
  }
  return runs;
}

function groupById<T extends { id: string }>(calls: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const call of calls) groups.set(call.id, [...(groups.get(call.id) ?? []), call]);
  return groups;
}

function countEach(values: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

const tagOf = ({ payload = '' }: Row): string => String((JSON.parse(payload) as { tag?: unknown }).tag);
