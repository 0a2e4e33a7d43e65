import { dirname } from 'node:path';
import { Disk, DiskError } from './disk.js';
import type { Threads } from './program.js';
import { type Call, LIMITS, type Life, LOCK, type Note, QUEUE, type Reply } from './protocol.js';
import { Random } from './random.js';
import { type Choice, remove, VirtualProcess } from './virtual-process.js';

const START = Date.UTC(2030, 0, 1);
/** How many of the last steps are told when something is wrong. */
const REMEMBERED = 400;

/** What a machine is like. */
export interface MachineOptions {
  /** Every process sees nobody in the lock but itself. */
  readonly lockLetsTwoIn: boolean;
  /** A process of another namespace is taken for dead, instead of for one that can't be judged. */
  readonly foreignIsDead: boolean;
  /** Who is killed in a write may leave a part of it. */
  readonly killCutsWrites: boolean;
  /** The share of appends to the queue's file that write a part of what they were given, and say so. */
  readonly shortWrites: number;
}

/** Hears what happens on a machine. */
export interface Observer {
  note(note: Note, of: VirtualProcess): void;
  /** A call that may have changed the queue's file or its archive was carried out. */
  changed(call: Call, of: VirtualProcess): void;
}

/** Some processes over one disk, of which one takes one step at a time, as chance has it. */
export class Machine {
  readonly disk: Disk;
  readonly random: Random;
  /** Since the start, in ms; it only ever goes on. */
  elapsed = 0;
  steps = 0;
  kills = 0;
  boot = 0;
  readonly processes: VirtualProcess[] = [];
  /** How long a step takes at the most, in ms. */
  stepTakes = 0.1;
  /** How likely the one that took the last step takes the next one. */
  persistence = 0;
  readonly #options: MachineOptions;
  readonly #observer: Observer;
  readonly #free: Threads['channels'];
  readonly #channelOf = new Map<VirtualProcess, Threads['channels'][number]>();
  readonly #living = new Set<number>();
  readonly #log: string[] = [];
  #failSync = false;
  #clockOffset = 0;
  #hash = 0;
  #last: VirtualProcess | undefined;

  constructor(threads: Threads, seed: number, options: MachineOptions, observer: Observer) {
    this.#free = [...threads.channels];
    this.random = new Random(seed);
    this.#options = options;
    this.#observer = observer;
    this.disk = new Disk(() => this.now);
    this.disk.mkdir(dirname(QUEUE));
    this.sync(dirname(QUEUE));
    this.sync('/');
  }

  sync(folder: string): void {
    const fd = this.disk.open(folder, 'r', 0);
    this.disk.sync(fd);
    this.disk.close(fd);
  }

  /** The time on the wall. */
  get now(): number {
    return Math.round(START + this.#clockOffset + this.elapsed);
  }

  /** The last steps, for people. */
  get log(): readonly string[] {
    return this.#log;
  }

  /** Two runs with the same one were the same. */
  get fingerprint(): string {
    return `${this.steps} steps, ${(this.#hash >>> 0).toString(16)}`;
  }

  get hasFreeThread(): boolean {
    return this.#free.length > 0;
  }

  start(life: Life): VirtualProcess {
    const channel = this.#free.pop();
    if (channel === undefined) throw new Error('no thread is free');
    this.#living.add(life.pid);
    channel.now = this.now;
    const process = new VirtualProcess(
      life,
      channel,
      (note, of) => this.#observer.note(note, of),
      this.elapsed,
    );
    this.#channelOf.set(process, channel);
    this.processes.push(process);
    this.tell(process, `begins: ${life.role}`);
    return process;
  }

  /** It has come to its end, one way or the other. */
  end(process: VirtualProcess): void {
    if (!process.alive) return;
    process.kill();
    this.#living.delete(process.life.pid);
    this.disk.closeAll(process.life.pid);
    remove(this.processes, process);
    this.#free.push(this.#channelOf.get(process) as Threads['channels'][number]);
  }

  /** SIGKILL; in the middle of a write a part of it may be done. */
  kill(process: VirtualProcess): void {
    const { call, bytes } = process;
    if (
      call?.[0] === 'write' &&
      bytes !== undefined &&
      this.random.chance(0.5) &&
      this.#options.killCutsWrites
    ) {
      // The worst for a line of the limits file is a cut in its number.
      const isNumber = this.disk.isOf(call[1] as number, LIMITS) && bytes.length > 12;
      const part = isNumber
        ? bytes.subarray(0, -1 - this.random.below(12))
        : bytes.subarray(0, this.random.below(bytes.length));
      this.#perform(process, call, part);
    }
    this.kills++;
    this.tell(process, 'is killed');
    this.end(process);
  }

  /** True if the lock has the process's token, so that nobody has passed it over. */
  holdsLock({ life: { pid } }: VirtualProcess): boolean {
    const tokens = this.disk.stat(LOCK) === undefined ? [] : this.disk.readdir(LOCK);
    return tokens.some((name) => name.split('.')[4] === String(pid));
  }

  pause(process: VirtualProcess, ms: number): void {
    process.pausedUntil = this.elapsed + ms;
    this.tell(process, `is paused for ${ms} ms`);
  }

  /** The clock on the wall is set. */
  setClock(by: number): void {
    this.#clockOffset += by;
    this.tell(undefined, `the clock jumps by ${by} ms`);
  }

  losePower(): void {
    this.tell(undefined, 'the power fails');
    for (const process of [...this.processes]) this.end(process);
    this.disk.losePower(this.random.next);
    this.boot++;
  }

  /** The next sync of a file fails. */
  failNextSync(): void {
    this.#failSync = true;
  }

  /** One process takes one step. @returns false if nobody can, now */
  step(): boolean {
    const ready = this.processes.filter(
      (process) => process.pausedUntil <= this.elapsed && process.choices(this.elapsed).length > 0,
    );
    if (ready.length === 0) return false;
    const again =
      this.#last !== undefined && ready.includes(this.#last) && this.random.chance(this.persistence);
    const process = again ? (this.#last as VirtualProcess) : this.random.pick(ready);
    this.#last = process;
    this.steps++;
    this.elapsed += this.random.next() * this.stepTakes;
    this.#take(process, this.random.pick(process.choices(this.elapsed)));
    return true;
  }

  /** When somebody could take a step at last, if nobody can now; Infinity: never. */
  wakesAt(): number {
    let at = Number.POSITIVE_INFINITY;
    for (const process of this.processes) {
      const own = process.choices(this.elapsed).length > 0 ? this.elapsed : process.wakesAt();
      at = Math.min(at, Math.max(own, process.pausedUntil));
    }
    return at;
  }

  /** Notes a step. */
  tell(process: VirtualProcess | undefined, what: string): void {
    for (let i = 0; i < what.length; i++) this.#hash = Math.imul(this.#hash ^ what.charCodeAt(i), 0x01000193);
    const who = process === undefined ? '' : `${process.life.role} ${process.life.pid} `;
    if (this.#log.push(`${this.steps} ${this.elapsed.toFixed(2)} ${who}${what}`) > 2 * REMEMBERED) {
      this.#log.splice(0, REMEMBERED);
    }
  }

  #take(process: VirtualProcess, choice: Choice): void {
    (this.#channelOf.get(process) as Threads['channels'][number]).now = this.now;
    if ('call' in choice) {
      const { reply, bytes } = this.#perform(process, choice.call, process.bytes);
      process.reply(reply, this.elapsed, bytes);
    } else if ('begun' in choice) {
      remove(process.begun, choice.begun);
      process.done.push({
        id: choice.begun.id,
        ...this.#perform(process, choice.begun.call, choice.begun.bytes),
      });
    } else if ('done' in choice) {
      remove(process.done, choice.done);
      const { id, reply, bytes } = choice.done;
      this.tell(process, `hears of call ${id}`);
      process.tell({ done: id, reply }, this.elapsed, bytes);
    } else if ('request' in choice) {
      const { request } = choice;
      remove(process.requests, request);
      process.open.set(request.n, { ...request, at: this.elapsed });
      this.tell(process, `is asked ${request.n}: ${request.what} ${JSON.stringify(request.args)}`);
      process.command({ request: request.n, what: request.what, args: request.args }, this.elapsed);
    } else {
      this.tell(process, JSON.stringify(choice.tell));
      process.tell(choice.tell, this.elapsed);
    }
  }

  #perform(process: VirtualProcess, call: Call, bytes?: Buffer): { reply: Reply; bytes: Buffer | undefined } {
    let result: { reply: Reply; bytes: Buffer | undefined };
    try {
      const value = this.#call(process, call, bytes);
      result = Buffer.isBuffer(value)
        ? { reply: {}, bytes: Buffer.from(value) }
        : { reply: { value }, bytes: undefined };
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      result = { reply: { error: error.code }, bytes: undefined };
    }
    const { reply } = result;
    const wrote = bytes === undefined ? '' : ` ${JSON.stringify(bytes.toString('latin1').slice(0, 300))}`;
    this.tell(process, `${call.join(' ')}${wrote}${toText(reply, result.bytes)}`);
    this.#observer.changed(call, process);
    return result;
  }

  #call({ life: { pid, namespace } }: VirtualProcess, call: Call, bytes?: Buffer): unknown {
    const { disk } = this;
    const [op, first, second] = call;
    const path = first as string;
    const fd = first as number;
    switch (op) {
      case 'open': {
        const opened = disk.open(path, second as string | number, pid);
        this.#changedName(path);
        return opened;
      }
      case 'close':
        return disk.close(fd);
      case 'stat':
        return disk.stat(path);
      case 'fstat':
        return disk.fstat(fd);
      case 'mkdir':
        return disk.mkdir(path);
      case 'rmdir':
        return disk.rmdir(path);
      case 'readdir': {
        const names = disk.readdir(path);
        const mine = (name: string): boolean => name.split('.')[4] === String(pid);
        return this.#options.lockLetsTwoIn && path.startsWith(LOCK) ? names.filter(mine) : names;
      }
      case 'unlink':
        return disk.unlink(path);
      case 'rename':
        disk.rename(path, second as string);
        return this.#changedName(second as string);
      case 'utimes':
        return disk.utimes(path, second as number);
      case 'read':
        return disk.read(fd, second as number, call[3] as number);
      case 'write': {
        const written = disk.write(fd, this.#cut(call, bytes as Buffer), second as number | null);
        if (disk.isOf(fd, QUEUE)) this.#changedName(QUEUE);
        return written;
      }
      case 'ftruncate':
        return disk.ftruncate(fd, second as number);
      case 'sync':
        if (this.#failSync && disk.isOf(fd, QUEUE)) {
          this.#failSync = false;
          return disk.failSync(fd);
        }
        return disk.sync(fd);
      case 'liveness':
        return this.#liveness(path, namespace);
      default:
        throw new Error(`no such call: ${op}`);
    }
  }

  /** As much of a write as is carried out. What closes a tail is never cut, which would be a full disk. */
  #cut([, fd, position]: Call, bytes: Buffer): Buffer {
    const mayBeShort =
      this.#options.shortWrites > 0 &&
      position === null &&
      bytes.length > 10 &&
      this.disk.isOf(fd as number, QUEUE);
    if (!mayBeShort || !this.random.chance(this.#options.shortWrites)) return bytes;
    // A row that lacks nothing but its end is the worst of the cuts.
    const cut = this.random.chance(0.2) ? bytes.length - 1 : 1 + this.random.below(bytes.length - 1);
    return bytes.subarray(0, cut);
  }

  #changedName(path: string): void {
    const folder = dirname(path);
    const name = path.slice(folder.length + 1);
    for (const process of this.processes) process.changed(folder, name);
  }

  #liveness(owner: string, namespace: number): string {
    const [, boot, theirs, pid, , random] = owner.split('.');
    if (random === undefined) return 'unknown';
    if (boot !== `boot${this.boot}`) return 'dead';
    if (theirs !== String(namespace)) return this.#options.foreignIsDead ? 'dead' : 'unknown';
    return this.#living.has(Number(pid)) ? 'alive' : 'dead';
  }
}

function toText({ value, error }: Reply, bytes: Buffer | undefined): string {
  if (error !== undefined) return ` → ${error}`;
  if (bytes !== undefined) return ` → ${bytes.length} bytes`;
  if (value === undefined || value === null) return '';
  return ` → ${typeof value === 'object' && 'ino' in value && 'size' in value ? `inode ${value.ino}, ${value.size} bytes` : JSON.stringify(value)}`;
}
