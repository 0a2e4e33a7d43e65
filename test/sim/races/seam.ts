import type { FileInfo, FileSystem } from '../../../lib/file/disk/fs.js';
import type { Liveness, Processes } from '../../../lib/file/lock/process-id.js';
import type { Clock } from '../../../lib/job/clock.js';
import type { Channel } from './channel.js';
import {
  type Call,
  type Command,
  type Life,
  type Note,
  ownerName,
  type Reply,
  type Word,
} from './protocol.js';

/** Thrown into the code of a process that is dead, so that it stops. */
class Killed extends Error {}

/** Handlers wait with it as well, until they are told to stop. */
interface SeamClock extends Clock {
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** What one virtual process has instead of the system. */
export class Seam {
  readonly fs: FileSystem;
  readonly clock: SeamClock;
  readonly processes: Processes;
  dead = false;
  readonly #channel: Channel;
  #words: Word[] = [];
  #lastId = 0;
  #names = 0;
  /** What is to be called back, by id. */
  readonly #pending = new Map<number, (reply: Reply, bytes: Buffer) => void>();
  readonly #watchers = new Map<number, (name: string) => void>();

  constructor(channel: Channel, life: Life) {
    this.#channel = channel;
    this.fs = this.#fileSystem();
    this.clock = {
      now: () => channel.now,
      sleep: (ms, signal) =>
        new Promise((resolve) => {
          if (signal?.aborted) return resolve();
          const done = (): void => {
            cancel();
            signal?.removeEventListener('abort', done);
            resolve();
          };
          const cancel = this.later(done, ms);
          signal?.addEventListener('abort', done, { once: true });
        }),
      later: (ms, run) => this.later(run, ms),
    };
    this.processes = {
      self: () => ownerName(life, ++this.#names),
      liveness: (owner) => this.#ask(['liveness', owner]).value as Liveness,
    };
  }

  note(note: Note): void {
    if (!this.dead) this.#words.push(note);
  }

  /** What was said since the last time. */
  takeWords(): Word[] {
    const words = this.#words;
    this.#words = [];
    return words;
  }

  /** Calls back what the scheduler says has happened. */
  happen(command: Command, bytes: Buffer): void {
    if ('changed' in command) this.#watchers.get(command.changed)?.(command.name);
    else {
      const id =
        'done' in command
          ? command.done
          : 'timer' in command
            ? command.timer
            : 'immediate' in command
              ? command.immediate
              : 0;
      const run = this.#pending.get(id);
      this.#pending.delete(id);
      run?.('done' in command ? command.reply : {}, bytes);
    }
  }

  later(run: () => void, ms: number): () => void {
    const id = this.#wait(run);
    this.#words.push(['timer', id, Math.min(Math.max(ms, 0), 2 ** 31 - 1)]);
    return () => {
      if (this.#pending.delete(id) && !this.dead) this.#words.push(['cancel', id]);
    };
  }

  immediate(run: () => void): void {
    this.#words.push(['immediate', this.#wait(run)]);
  }

  #wait(run: (reply: Reply, bytes: Buffer) => void): number {
    const id = ++this.#lastId;
    this.#pending.set(id, run);
    return id;
  }

  /** A call that the process stands still for. */
  #ask(call: Call, bytes?: Buffer): { value: unknown; bytes: Buffer } {
    if (this.dead) throw new Killed();
    this.#channel.say({ words: this.takeWords(), call }, bytes);
    const { said, bytes: read } = this.#channel.hear<Reply>();
    if (said.killed) {
      this.dead = true;
      throw new Killed();
    }
    if (said.error !== undefined) throw systemError(said.error, call);
    return { value: said.value, bytes: read };
  }

  /** A call that goes on beside the process. */
  #begin<T>(call: Call, result: (value: unknown, bytes: Buffer) => T, bytes?: Buffer): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.dead) return;
      const id = this.#wait((reply, read) => {
        if (reply.error !== undefined) reject(systemError(reply.error, call));
        else resolve(result(reply.value, read));
      });
      this.#words.push([
        'begin',
        id,
        call,
        ...(bytes === undefined ? [] : [bytes.toString('latin1')]),
      ] as Word);
    });
  }

  #fileSystem(): FileSystem {
    const ask = (...call: Call): unknown => this.#ask(call).value;
    const copy =
      (into: Buffer) =>
      (_: unknown, bytes: Buffer): number =>
        bytes.copy(into);
    const extra = {
      utimes: (path: string, mtimeMs: number) => void ask('utimes', path, mtimeMs),
      ftruncate: (fd: number, size: number) => void ask('ftruncate', fd, size),
    };
    const real: FileSystem = {
      open: (path, flags) => ask('open', path, flags) as number,
      close: (fd) => void ask('close', fd),
      closeLater: (fd) => void this.#begin(['close', fd], () => {}),
      stat: (path) => (ask('stat', path) ?? undefined) as FileInfo | undefined,
      fstat: (fd) => ask('fstat', fd) as FileInfo,
      statfs: () => undefined,
      realpath: (path) => (ask('stat', path) ? path : undefined),
      readlink: () => undefined,
      mkdir: (path) => void ask('mkdir', path),
      rmdir: (path) => void ask('rmdir', path),
      readdir: (path) => ask('readdir', path) as string[],
      unlink: (path) => void ask('unlink', path),
      rename: (from, to) => void ask('rename', from, to),
      fchmod: () => {},
      fchown: () => {},
      readSync: (fd, into, length, position) => this.#ask(['read', fd, length, position]).bytes.copy(into),
      writeSync: (fd, bytes, position) => this.#ask(['write', fd, position], bytes).value as number,
      read: (fd, into, length, position) => this.#begin(['read', fd, length, position], copy(into)),
      write: (fd, bytes, position) => this.#begin(['write', fd, position], Number, bytes),
      fdatasync: (fd) => this.#begin(['sync', fd], () => {}),
      fsync: (fd) => this.#begin(['sync', fd], () => {}),
      watch: (folder, changed) => {
        const id = ++this.#lastId;
        this.#watchers.set(id, changed);
        this.#words.push(['watch', id, folder]);
        return () => {
          if (this.#watchers.delete(id) && !this.dead) this.#words.push(['unwatch', id]);
        };
      },
    };
    return Object.assign(real, extra);
  }
}

const systemError = (code: string, call: Call): NodeJS.ErrnoException =>
  Object.assign(new Error(`${code}: ${call.join(' ')}`), { code });
