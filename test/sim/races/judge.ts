import type { Damaged } from './damage.js';
import { type Added, KeyJudge } from './key-judge.js';
import type { KeyedJob } from './key-requests.js';
import { LimitJudge } from './limit-judge.js';
import type { Machine } from './machine.js';
import { PauseJudge } from './pause-judge.js';
import { type Note, QUEUE, type RequestKind } from './protocol.js';
import { eachLine, header, type Job } from './queue-file.js';
import { isSchedule, SlotJudge } from './slot-judge.js';
import type { Request, VirtualProcess } from './virtual-process.js';
import { Watcher } from './watcher.js';

/** Errors that a caller may meet when others hold the lock for long. */
const EXPECTED = new Set(['LOCK_TIMEOUT']);
/** Errors of calls that come too late, or find no file yet. */
const EXPECTED_OF: Partial<Record<RequestKind, readonly string[]>> = {
  add: ['DUPLICATE_JOB'],
  addMany: ['DUPLICATE_JOB'],
  retry: ['DUPLICATE_JOB'],
  pause: ['INVALID_ARGUMENT', 'NOT_A_QUEUE'],
  // There is no such schedule any more.
  runNow: ['INVALID_ARGUMENT'],
};
/** Of an owner that nobody could judge, and that others have passed over; or that the lock was held for long. */
const TAKEN_OVER =
  /taken over while|took the lock over before|was replaced by another file|after the rows had been written/;
/** Longer than any wait for a lock that somebody alive lets go of. */
const LATE_MS = 120_000;

/** Knows what was promised, and compares it with what is. */
export class Judge {
  violation: string | undefined;
  /** Ids whose enqueue was acknowledged. */
  readonly acknowledged = new Set<string>();
  runs = 0;
  answers = 0;
  /** Time that somebody was paused for, in ms: others may have waited for it. */
  paused = 0;
  readonly #watcher: () => Watcher;
  readonly #machine: () => Machine;
  /** Called when a job with a key was claimed. */
  onKeyedClaim: () => void = () => {};
  readonly keys: KeyJudge;
  readonly pauses: PauseJudge;
  readonly slots: SlotJudge;
  readonly limits: LimitJudge;
  readonly #started = new Set<string>();
  /** The version that a job had when somebody was told of it. */
  readonly #promised = new Map<string, number>();
  readonly #followUps = new Map<string, string[]>();
  /** What becomes of these is nobody's promise: a person has taken them out, or is just about to. */
  readonly #takenOut = new Set<string>();
  /** A person has left their row without its LF: readers leave it out until somebody has closed it. */
  readonly #leftOpen = new Set<string>();

  /** @param letsTwoIn whether several processes may be in the lock at once */
  constructor(machine: () => Machine, letsTwoIn: boolean) {
    this.#machine = machine;
    const violate = (what: string): void => this.#violate(what);
    this.keys = new KeyJudge(violate, () => machine().elapsed);
    this.pauses = new PauseJudge(() => machine().elapsed);
    this.slots = new SlotJudge(violate, () => machine().now, letsTwoIn);
    this.limits = new LimitJudge(violate, machine);
    let watcher: Watcher | undefined;
    this.#watcher = () =>
      (watcher ??= new Watcher(machine().disk, violate, (id) => this.#promised.get(id) ?? 0, {
        row: (before, job) => this.#row(before, job),
        aside: (job) => {
          this.slots.aside(job);
          this.limits.aside(job);
        },
        newFile: (jobs, isFollowed) => {
          this.keys.newFile(jobs, isFollowed);
          this.slots.newFile(jobs, isFollowed);
          this.limits.newFile(jobs);
        },
        powerLost: () => {
          this.keys.powerLost((id) => this.#promised.get(id) ?? 0);
          this.slots.powerLost();
        },
      }));
  }

  get jobs(): Watcher['jobs'] {
    return this.#watcher().jobs;
  }

  look(): void {
    this.#watcher().look();
  }

  #violate(what: string): void {
    if (![...this.#takenOut].some((id) => what.includes(id))) this.violation ??= what;
  }

  /** Whether nobody may touch the job, because the disk has damaged its newest row. */
  isHeld(id: string): boolean {
    return this.#watcher().held.has(id);
  }

  leaveOpen(id: string): void {
    this.#leftOpen.add(id);
  }

  hold({ id, text }: Damaged): void {
    this.#watcher().held.set(id, text);
  }

  note(note: Note, of: VirtualProcess): void {
    this.#machine().tell(of, JSON.stringify(note));
    switch (note[0]) {
      case 'answer':
        this.#answer(note[1], note[2], of);
        break;
      case 'refusal':
        this.#refusal(note[1], note[2], note[3], note[4], of);
        break;
      case 'run':
        this.#run(note[1], note[2], of);
        if (note[3]) this.keys.runs(note[1], note[2], note[3]);
        break;
      case 'follow': {
        const key = `${note[1]}:${note[2]}`;
        this.#followUps.set(key, [...(this.#followUps.get(key) ?? []), note[3]]);
        break;
      }
      case 'follow keyed':
        this.keys.follows(note[1], note[2], { index: note[3], type: note[4], key: note[5] });
        break;
      case 'event':
        this.#event(note[1], note[2], note[3]);
        break;
      case 'saw':
        if (note[2] === null) this.#missed(note[1]);
        break;
      case 'leaves open':
        this.leaveOpen(note[1]);
        break;
      case 'takes out':
        this.#takenOut.add(note[1]);
        break;
      case 'exit':
        if (note[1] !== '' && !EXPECTED.has(note[1]) && !TAKEN_OVER.test(note[2]))
          this.#violate(`a ${of.life.role} ended with ${note[1]}: ${note[2]}`);
    }
  }

  /** A row that counts was appended. */
  #row(before: Job | undefined, job: Job): void {
    this.pauses.expire(this.#machine().now);
    const isClaim = job.status === 'processing' && before?.status === 'pending';
    if (isClaim && this.pauses.isPaused(job.type))
      this.#violate(`job ${job.id} was claimed, although ${job.type} was paused`);
    this.keys.row(before, job);
    this.slots.row(before, job);
    if (!isSchedule(job)) this.limits.row(before, job);
    if (isClaim && job.key !== '') this.onKeyedClaim();
  }

  #refusal(n: number, code: string, message: string, existing: readonly string[], of: VirtualProcess): void {
    const request = of.open.get(n);
    of.open.delete(n);
    this.pauses.ended(n, false);
    const isExpected = EXPECTED.has(code) || (request && EXPECTED_OF[request.what]?.includes(code));
    if (!isExpected && !TAKEN_OVER.test(message))
      this.#violate(`a call was refused with ${code}: ${message}`);
    // A call of several jobs names those of all its keys.
    const options = request?.what === 'add' ? (request.args[2] as KeyedJob['options']) : undefined;
    for (const id of options === undefined ? [] : existing)
      this.keys.wasHolding(id, options?.dedupeKey ?? '', request?.at ?? 0);
  }

  #answer(n: number, value: unknown, of: VirtualProcess): void {
    const request = of.open.get(n);
    if (request === undefined) return;
    of.open.delete(n);
    this.answers++;
    this.pauses.ended(n, true);
    const waited = this.#machine().elapsed - request.at;
    if (waited > LATE_MS + this.paused) this.#violate(`request ${n} was answered after ${waited} ms`);
    this.#judgeAnswer(request, value);
  }

  #judgeAnswer({ what, args, at }: Request & { at: number }, value: unknown): void {
    const [id] = args as [string];
    const { seen, jobs, archived } = this.#watcher();
    if (what === 'enqueue' || what === 'enqueueMany') {
      for (const added of [value].flat() as string[]) {
        this.acknowledged.add(added);
        this.#promise(added, 1);
        // An app that was suspended before it was told may hear of it after the job was run and archived.
        if (!jobs.has(added) && !archived.has(added))
          this.#violate(`job ${added} was acknowledged, and is not in the file`);
      }
    } else if (what === 'add' || what === 'addMany') {
      const [type, payload, options] = args;
      const jobs = (what === 'addMany' ? args[0] : [{ type, payload, options }]) as KeyedJob[];
      const added = [value].flat() as Added[];
      for (const { id: one } of added) this.acknowledged.add(one);
      for (const [one, version] of this.keys.acknowledged(jobs, added, at)) this.#promise(one, version);
    } else if (what === 'schedule') {
      const { id: schedule } = value as { id: string };
      if (!jobs.has(schedule) && !archived.has(schedule))
        this.#violate(`schedule ${args[0]} was acknowledged, and is not in the file`);
      this.#promise(schedule, 1);
    } else if (what === 'runNow') {
      const { id: made } = value as Added;
      this.acknowledged.add(made);
      this.#promise(made, 1);
      if (!jobs.has(made) && !archived.has(made))
        this.#violate(`job ${made} was acknowledged, and is not in the file`);
    } else if (what === 'cancel' && value === true) {
      this.keys.endWasTold(id);
      const cancels = [...seen].filter(
        ([state]) => state.startsWith(`${id}:`) && state.endsWith(':cancelled'),
      );
      if (cancels.length === 0) this.#violate(`the cancel of ${id} was acknowledged, and is not in the file`);
      else this.#promise(id, Math.min(...cancels.map(([, version]) => version)));
    } else if (what === 'get' && value === null) this.#missed(id);
  }

  /** A reader was told that there is no such job. */
  #missed(id: string): void {
    if (this.#watcher().archived.has(id) || this.#leftOpen.has(id)) return;
    this.#violate(`job ${id} was acknowledged, and a reader did not see it`);
  }

  #run(id: string, attempt: number, of: VirtualProcess): void {
    this.runs++;
    const key = `${id}:${attempt}`;
    if (this.#started.has(key)) this.#violate(`attempt ${attempt} of job ${id} was started twice`);
    this.#started.add(key);
    const version = this.#watcher().seen.get(`${key}:processing`);
    if (version !== undefined) this.#promise(id, version);
    else {
      this.#violate(
        `attempt ${attempt} of job ${id} was started by ${of.life.pid} without a claim in the file`,
      );
    }
  }

  #event(event: string, id: string, attempt: number): void {
    const { seen } = this.#watcher();
    if (event !== 'completed' && event !== 'failed') return;
    const version = seen.get(`${id}:${attempt}:${event}`);
    this.keys.endWasTold(id);
    if (version !== undefined) this.#promise(id, version);
    else {
      this.#violate(`attempt ${attempt} of job ${id} was reported as ${event}, and the file never said so`);
    }
  }

  #promise(id: string, version: number): void {
    this.#promised.set(id, Math.max(version, this.#promised.get(id) ?? 0));
  }

  /** What was told must be on the disk; the same after an edit while nobody ran. */
  afterPowerLoss(): void {
    const watcher = this.#watcher();
    watcher.beginAnew();
    for (const [id, version] of this.#promised) {
      if (this.isHeld(id)) continue;
      const inFile = watcher.jobs.get(id);
      const inArchive = watcher.archived.get(id);
      // A schedule that was removed and archived begins again.
      const now = inFile === undefined || (inArchive && isSchedule(inFile)) ? inArchive : inFile;
      if (now === undefined) this.#violate(`job ${id} was lost with the power`);
      else if (now.version < version)
        this.#violate(`version ${version} of job ${id} was lost with the power`);
    }
  }

  /** A worker has left by itself, when no other process ran. @param began when it began, in ms */
  judgeLeaving(began: number): void {
    const jobs = [...this.jobs.values()];
    // It may have made way for another one that nobody can judge.
    if (!jobs.some(({ status }) => status === 'processing'))
      this.limits.judgeLeaving(began, (id) => this.isHeld(id));
  }

  /** Where nobody was killed, of each job one row is left that is not crossed out. */
  judgeTidiness(): void {
    const content = this.#machine().disk.content(QUEUE);
    const head = content && header(content);
    if (content === undefined || head === undefined) return;
    const ids = new Set<string>();
    eachLine(content, head.start, head.names, (line) => {
      if (line.kind !== 'row') return;
      if (ids.has(line.job.id)) this.#violate(`a superseded row of job ${line.job.id} is not crossed out`);
      ids.add(line.job.id);
    });
  }

  /** When all has come to rest: every job is done, and every line says what it should. */
  judgeTheEnd(): void {
    const { disk } = this.#machine();
    const { jobs, archived } = this.#watcher();
    for (const id of this.acknowledged) {
      if (!jobs.has(id) && !archived.has(id)) this.#violate(`job ${id} was acknowledged, and is lost`);
    }
    this.keys.judgeTheEnd((id) => jobs.has(id) || archived.has(id));
    this.slots.judgeTheEnd((id) => jobs.has(id) || archived.has(id));
    for (const { id, status, attempts } of jobs.values()) {
      if (this.isHeld(id)) continue;
      if (!/^(completed|failed|cancelled)$/.test(status)) this.#violate(`job ${id} is ${status} for ever`);
      if (status !== 'completed') continue;
      for (const followUp of this.#followUps.get(`${id}:${attempts}`) ?? []) {
        if (!jobs.has(followUp) && !archived.has(followUp)) {
          this.#violate(`job ${id} completed, and its follow-up ${followUp} is lost`);
        }
      }
    }
    const held = new Set(this.#watcher().held.values());
    const content = disk.content(QUEUE);
    const head = content && header(content);
    if (content === undefined || head === undefined) return;
    const end = eachLine(content, head.start, head.names, (line, text) => {
      if (line.kind === 'unreadable' && !held.has(text)) {
        this.#violate(`a line can't be read: ${JSON.stringify(text)}`);
      }
    });
    if (end !== content.length) this.#violate('the last line lacks its end');
  }
}
