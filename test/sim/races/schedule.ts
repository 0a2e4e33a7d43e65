import { TYPES } from './handlers.js';
import { Judge } from './judge.js';
import { KeyRequests } from './key-requests.js';
import { fillLimits, LimitRequests } from './limit-requests.js';
import { Machine } from './machine.js';
import type { Mode } from './modes.js';
import type { Played } from './played.js';
import type { Threads } from './program.js';
import { type Life, QUEUE, type RequestKind } from './protocol.js';
import { Random } from './random.js';
import { isSchedule } from './slot-judge.js';
import { SlotRequests } from './slot-requests.js';
import { Trouble } from './trouble.js';
import type { VirtualProcess } from './virtual-process.js';

interface Planned {
  readonly at: number;
  readonly act: () => void;
}

const REQUESTS: readonly RequestKind[] = [
  ...(['enqueue', 'enqueue', 'enqueue', 'enqueueMany', 'cancel', 'cancel'] as const),
  ...(['retry', 'retry', 'get', 'get', 'get', 'compact'] as const),
];
/** Requests while a job with a key runs, besides those that are planned. */
const MOST_CHASES = 6;
const MOST_STEPS = 150_000;
const MOST_TICKS = 14;
const HOUR = 3_600_000;
const LF = 10;

/** One schedule: everything that happens in it follows from the seed. */
class Schedule {
  readonly #mode: Mode;
  readonly #seed: number;
  readonly #random: Random;
  readonly #machine: Machine;
  readonly #judge: Judge;
  readonly #queue: Life['queue'];
  readonly #namespaces: number;
  readonly #apps: VirtualProcess[] = [];
  readonly #trouble: Trouble;
  readonly #keyed: KeyRequests;
  readonly #slots: SlotRequests;
  readonly #limited: LimitRequests;
  #plan: Planned[] = [];
  #lastPid = 0;
  #lastRequest = 0;
  #chases = 0;
  #isAtRest = false;

  constructor(threads: Threads, seed: number, mode: Mode) {
    this.#mode = mode;
    this.#seed = seed;
    const random = new Random(seed);
    this.#random = random;
    this.#judge = new Judge(() => this.#machine, mode.lockLetsTwoIn ?? false);
    this.#keyed = new KeyRequests(random);
    this.#slots = new SlotRequests(random);
    this.#limited = new LimitRequests(random, mode.limited ?? 'type');
    this.#judge.onKeyedClaim = () => this.#chase();
    const options = {
      lockLetsTwoIn: mode.lockLetsTwoIn ?? false,
      foreignIsDead: mode.foreignIsDead ?? false,
      killCutsWrites: mode.killCutsWrites ?? true,
      shortWrites: mode.shortWrites ?? 0,
    };
    this.#machine = new Machine(threads, seed, options, {
      note: (note, of) => {
        this.#judge.note(note, of);
        if (note[0] !== 'exit') return;
        of.exited = true;
        of.exitCode = note[1];
      },
      changed: (call, of) => {
        const [op] = call;
        this.#trouble.saw(call);
        this.#judge.limits.saw(call, of);
        if (op === 'write' || op === 'rename' || op === 'ftruncate' || op === 'unlink') this.#judge.look();
      },
    });
    this.#trouble = new Trouble(mode, random, this.#machine, this.#judge, {
      comeBy: (at) =>
        this.#add({ at, act: () => void this.#start('worker') }, { at, act: () => this.#request() }),
      startAgain: () => this.#add({ at: this.#machine.elapsed, act: () => this.#startApp() }),
    });
    // A commit has to take less than a slot, and than the time between two starts.
    this.#machine.stepTakes = random.pick(
      mode.scheduled || mode.limited ? [0.05, 0.05, 2] : [0.05, 0.05, 2, 30],
    );
    this.#machine.persistence = random.pick([0, 0, 0.5, 0.9]);
    this.#queue = {
      durability: mode.powerLoss || mode.undisturbed || random.chance(0.8) ? 'sync' : 'os',
      lockTimeout: mode.lockTimeout ?? random.pick([100, 300, 1000]),
    };
    this.#namespaces = mode.namespaces ?? random.pick([1, 1, 2]);
  }

  play(): Played {
    this.#begin();
    this.#planAll();
    this.#run();
    this.#comeToRest();
    if (this.#judge.violation === undefined) this.#judge.judgeTheEnd();
    for (const process of [...this.#machine.processes]) this.#machine.end(process);
    const { steps, kills, fingerprint, log } = this.#machine;
    return {
      seed: this.#seed,
      steps,
      kills,
      jobs: this.#judge.jobs.size,
      runs: this.#judge.runs,
      fingerprint,
      violation: this.#judge.violation,
      log,
    };
  }

  /** A file that is there already, where its first making is left out or chance has it. */
  #begin(): void {
    if (this.#mode.limited) fillLimits(this.#machine, this.#random);
    if (!this.#mode.neverCompacts && this.#random.chance(0.5)) return;
    const app = this.#start('app');
    this.#ask(app, 'enqueue', ['quick', { ms: 0, fails: 0 }]);
    this.#run();
    this.#machine.end(app);
    if (this.#mode.person && this.#random.chance(0.5)) this.#leaveNoEnd();
  }

  /** What an editor does that thinks little of the end of the last line. */
  #leaveNoEnd(): void {
    const { disk } = this.#machine;
    for (const id of this.#judge.acknowledged) this.#judge.leaveOpen(id);
    const fd = disk.open(QUEUE, 'r+', 0);
    disk.ftruncate(fd, disk.fstat(fd).size - 1);
    disk.close(fd);
    this.#judge.afterPowerLoss();
  }

  // ---- what is planned ----

  #planAll(): void {
    const random = this.#random;
    const { keyed, scheduled, limited } = this.#mode;
    // Jobs of one key have to meet, and slots have to come while there are workers.
    const spread = random.pick(
      scheduled || limited ? [1500, 5000, 15_000] : [20, 20, 500, 5000, keyed ? 5000 : 100_000],
    );
    const from = this.#machine.elapsed;
    const at = (): number => from + random.below(spread);
    for (let i = 1 + random.below(2); i > 0; i--) this.#plan.push({ at: at(), act: () => this.#startApp() });
    for (let i = (scheduled || limited ? 4 : 2) + random.below(3); i > 0; i--) {
      this.#plan.push({ at: at(), act: () => void this.#start('worker') });
    }
    for (let i = 3 + random.below(keyed || scheduled || limited ? 24 : 12); i > 0; i--) {
      this.#plan.push({ at: at() + 1, act: () => this.#request() });
    }
    if (this.#mode.readers) {
      for (let i = 4 + random.below(8); i > 0; i--)
        this.#plan.push({ at: at(), act: () => this.#visit('reader') });
    }
    if (this.#mode.person) {
      for (let i = 1 + random.below(3); i > 0; i--)
        this.#plan.push({ at: at(), act: () => this.#visit('person') });
    }
    this.#plan.sort((a, b) => a.at - b.at);

    this.#trouble.plan();
  }

  #startApp(): void {
    this.#apps.push(this.#start('app'));
  }

  /** Somebody comes for one thing, and goes. */
  #visit(role: 'reader' | 'person'): void {
    const random = this.#random;
    const ids = [...this.#judge.acknowledged];
    if (ids.length === 0) return;
    if (role === 'reader') this.#start(role, { ids, lists: this.#mode.readersList ?? false });
    else
      this.#start(role, {
        ids: random.chance(0.7) ? [random.pick(ids)] : [],
        leavesNoEnd: random.chance(0.5),
      });
  }

  #start(role: Life['role'], errand: Pick<Life, 'ids' | 'lists' | 'leavesNoEnd'> = {}): VirtualProcess {
    const random = this.#random;
    const pid = ++this.#lastPid;
    return this.#machine.start({
      pid,
      namespace: random.below(this.#namespaces),
      boot: this.#machine.boot,
      seed: this.#seed * 31 + pid,
      role,
      queue: this.#queue,
      worker: {
        concurrency: 1 + random.below(3),
        linger: random.pick([0, 0, 300, 5000]),
        grace: random.pick([50, 2000]),
        maxAttempts: 2 + random.below(2),
        ...(this.#mode.scheduled && {
          // Otherwise one that lingers works for as long as there are schedules.
          maxTime: this.#isAtRest ? 60_000 : random.pick([1500, 5000]),
          schedules: this.#isAtRest ? {} : this.#slots.declared(),
        }),
      },
      servesLimited: this.#mode.limited !== undefined,
      neverCompacts: this.#mode.neverCompacts ?? false,
      variant: this.#mode.variant ?? '',
      ...errand,
    });
  }

  /** Somebody asks something of a web app. */
  #request(): void {
    const app = this.#apps.filter(({ alive }) => alive);
    if (app.length === 0) return;
    const random = this.#random;
    const ids = [...this.#judge.acknowledged].filter((id) => !this.#judge.isHeld(id));
    if (this.#mode.keyed) {
      this.#requestKeyed(random.pick(app), ids);
      return;
    }
    if (this.#mode.scheduled) {
      this.#requestScheduled(random.pick(app));
      return;
    }
    if (this.#mode.limited) {
      const open = ids.filter((id) => /^[pw]/.test(this.#judge.jobs.get(id)?.status ?? ''));
      const { what, args } = this.#limited.draw({ ids, open }, this.#mode.requests);
      this.#ask(random.pick(app), what, args);
      return;
    }
    const newJob = () => ({
      type: random.pick(TYPES),
      payload: {
        ms: random.pick([0, 5, 50, 3000, 40_000]),
        fails: random.below(3),
        ...(this.#mode.padding && { padding: 'x'.repeat(this.#mode.padding) }),
      },
    });
    const what: RequestKind = ids.length === 0 ? 'enqueue' : random.pick(this.#mode.requests ?? REQUESTS);
    if (what === 'compact' && this.#mode.neverCompacts) return;
    let args: unknown[] = [random.pick(ids)];
    if (what === 'enqueue') {
      const { type, payload } = newJob();
      args = [type, payload, random.chance(0.2) ? { timeout: 1000 } : {}];
    } else if (what === 'enqueueMany') args = [[newJob(), newJob(), newJob()]];
    else if (what === 'compact') args = [];
    this.#ask(random.pick(app), what, args);
    // A cancel is often followed by a retry.
    if (what === 'cancel' && random.chance(0.5)) this.#ask(random.pick(app), 'retry', args);
  }

  #requestKeyed(app: VirtualProcess, ids: readonly string[]): void {
    const joined = [...this.#judge.jobs.values()]
      .filter(({ key, status }) => key !== '' && (status === 'processing' || status === 'waiting'))
      .map(({ id }) => id);
    const drawn = this.#keyed.draw({ now: this.#machine.now, ids, joined }, this.#mode.requests);
    if (drawn !== undefined) this.#ask(app, drawn.what, drawn.args);
  }

  #requestScheduled(app: VirtualProcess): void {
    const jobs = [...this.#judge.jobs.values()].filter(
      (job) => !isSchedule(job) && !this.#judge.isHeld(job.id),
    );
    const open = jobs.filter(({ meta, status }) => meta !== '' && /^[pw]/.test(status));
    const view = { ids: jobs.map(({ id }) => id), open: open.map(({ id }) => id) };
    const { what, args } = this.#slots.draw(view, this.#mode.requests);
    if (what !== 'compact' || !this.#mode.neverCompacts) this.#ask(app, what, args);
  }

  /** A key is asked for while its job runs. */
  #chase(): void {
    if (this.#chases++ >= MOST_CHASES || this.#isAtRest) return;
    const at = this.#machine.elapsed + this.#random.pick([0, 1, 20, 500]);
    this.#add({ at, act: () => this.#request() });
  }

  #ask(app: VirtualProcess, what: RequestKind, args: unknown[]): void {
    const n = ++this.#lastRequest;
    if (what === 'pause' || what === 'resume') this.#judge.pauses.asked(n, what, args, app);
    app.requests.push({ n, what, args });
  }

  #add(...planned: Planned[]): void {
    this.#plan.push(...planned);
    this.#plan.sort((a, b) => a.at - b.at);
  }

  // ---- going on ----

  get #over(): boolean {
    if (this.#judge.violation !== undefined) return true;
    if (this.#machine.steps <= MOST_STEPS) return false;
    this.#judge.violation = `it goes on after ${MOST_STEPS} steps`;
    return true;
  }

  /** Until nobody has anything to do. */
  #run(): void {
    const machine = this.#machine;
    while (!this.#over) {
      this.#trouble.strike();
      const [next] = this.#plan;
      if (next !== undefined && next.at <= machine.elapsed && machine.hasFreeThread) {
        this.#plan.shift();
        next.act();
      } else if (!machine.step()) {
        const planned = next !== undefined && machine.hasFreeThread ? next.at : Number.POSITIVE_INFINITY;
        const at = Math.min(planned, machine.wakesAt());
        if (at === Number.POSITIVE_INFINITY) break;
        machine.elapsed = Math.max(machine.elapsed, at);
      }
      for (const process of [...machine.processes]) if (process.exited) machine.end(process);
    }
  }

  /** No more trouble: apps close, and cron's workers do what is left. */
  #comeToRest(): void {
    const machine = this.#machine;
    this.#plan = [];
    this.#isAtRest = true;
    this.#trouble.end();
    for (const process of machine.processes) {
      for (const { what, args } of process.open.values()) {
        this.#judge.violation ??= `a call of ${what} ${JSON.stringify(args)} is never answered`;
      }
      const { role } = process.life;
      if (role !== 'app') this.#judge.violation ??= `a ${role} neither works nor ends`;
    }
    this.#resumeAll();
    this.#unscheduleAll();
    for (const app of [...machine.processes]) this.#ask(app, 'close', []);
    this.#run();
    for (const app of [...machine.processes]) machine.end(app);
    if (this.#mode.undisturbed) this.#judge.judgeTidiness();
    for (let ticks = 0; ticks < MOST_TICKS && !this.#over; ticks++) {
      const open = [...this.#judge.jobs.values()].filter(
        ({ id, status }) => /^[pw]/.test(status) && !this.#judge.isHeld(id),
      );
      // A line that a crash cut is closed by the next one who gets the lock.
      const whole = (this.#machine.disk.content(QUEUE)?.at(-1) ?? LF) === LF;
      if (open.length === 0 && ticks > 0 && whole) break;
      const due = Math.max(
        machine.now,
        ...open.filter(({ status }) => status === 'pending').map(({ runAt }) => runAt),
      );
      // Far enough for what is due, and for the time limits of those that nobody can judge.
      machine.elapsed += due - machine.now + (ticks > 1 ? 90_000 : 0) + (ticks > 6 ? 2 * HOUR : 0);
      const began = machine.now;
      const worker = this.#start('worker');
      this.#run();
      if (worker.exitCode === '') this.#judge.judgeLeaving(began);
      // Where two were in the lock, only a compaction finds that a job waits for one that is over.
      if (this.#mode.neverCompacts && this.#mode.scheduled && ticks === 0) this.#compact();
    }
    if (this.#machine.disk.content(QUEUE) !== undefined) this.#judge.look();
  }

  #compact(): void {
    const app = this.#start('app');
    this.#ask(app, 'compact', []);
    this.#run();
    this.#machine.end(app);
  }

  /** Nothing is paused for ever. */
  #resumeAll(): void {
    const { types } = this.#judge.pauses;
    for (let tries = 0; tries < 4 && this.#machine.disk.content(`${QUEUE}.paused`) !== undefined; tries++) {
      const app = this.#machine.processes[0] ?? this.#start('app');
      // One that was killed in the lock, and that nobody can judge, is passed over after a minute.
      if (tries > 0) this.#machine.elapsed += 61_000;
      for (const type of types) this.#ask(app, 'resume', [type]);
      this.#run();
    }
  }

  /** No schedule goes on for ever; only one that power loss has damaged stays. */
  #unscheduleAll(): void {
    for (let tries = 0; tries < 6 && this.#judge.slots.names.length > 0; tries++) {
      const app = this.#machine.processes[0] ?? this.#start('app');
      // As in resumeAll(); after a clock was set back, a minute takes longer.
      if (tries > 0) this.#machine.elapsed += tries > 3 ? 2 * HOUR : 61_000;
      for (const name of this.#judge.slots.names) this.#ask(app, 'unschedule', [name]);
      this.#run();
    }
  }
}

/** Plays the schedule of a seed to its end, or to the first thing that must not be. */
export function play(threads: Threads, seed: number, mode: Mode): Played {
  return new Schedule(threads, seed, mode).play();
}
