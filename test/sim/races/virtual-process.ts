import type { Channel } from './channel.js';
import type { Call, Command, Life, Note, Reply, Report, RequestKind } from './protocol.js';

/** A call that goes on beside its process. */
export interface Begun {
  readonly id: number;
  readonly call: Call;
  readonly bytes: Buffer | undefined;
}

export interface Request {
  readonly n: number;
  readonly what: RequestKind;
  readonly args: readonly unknown[];
}

/** A virtual process as the scheduler sees it: what it waits for, and what could happen to it next. */
export class VirtualProcess {
  readonly life: Life;
  alive = true;
  /** It has said that it has nothing more to do. */
  exited = false;
  /** The error that it ended with; '' for none, undefined while it has not ended by itself. */
  exitCode: string | undefined;
  pausedUntil = 0;
  /** What it stands still for, and the bytes of a write; undefined if it has nothing to do. */
  call: Call | undefined;
  bytes: Buffer | undefined;
  readonly begun: Begun[] = [];
  readonly done: { id: number; reply: Reply; bytes: Buffer | undefined }[] = [];
  readonly immediates: number[] = [];
  readonly timers = new Map<number, number>();
  readonly requests: Request[] = [];
  /** Requests that were made and not answered. */
  readonly open = new Map<number, Request & { at: number }>();
  readonly #channel: Channel;
  readonly #hear: (note: Note, of: VirtualProcess) => void;
  readonly #watches = new Map<number, { folder: string; changed: string[] }>();

  constructor(life: Life, channel: Channel, hear: (note: Note, of: VirtualProcess) => void, now: number) {
    this.life = life;
    this.#channel = channel;
    this.#hear = hear;
    this.command({ begin: life }, now);
  }

  /** Answers the call that it stands still for, and lets it run to the next. */
  reply(reply: Reply, now: number, bytes?: Buffer): void {
    this.#channel.say(reply, bytes);
    this.#listen(now);
  }

  command(command: Command, now: number, bytes?: Buffer): void {
    this.#channel.say(command, bytes);
    this.#listen(now);
  }

  /** It never runs again; its thread is free. */
  kill(): void {
    if (!this.alive) return;
    this.alive = false;
    if (this.call !== undefined) {
      this.#channel.say({ killed: true });
      this.#channel.hear();
    }
    this.#channel.say({ end: true });
    this.#channel.hear();
  }

  #listen(now: number): void {
    const { said, bytes } = this.#channel.hear<Report>();
    this.call = said.call;
    this.bytes = said.call === undefined ? undefined : Buffer.from(bytes);
    for (const word of said.words) {
      if (word[0] === 'begin') {
        const [, id, call, text] = word;
        this.begun.push({ id, call, bytes: text === undefined ? undefined : Buffer.from(text, 'latin1') });
      } else if (word[0] === 'timer') this.timers.set(word[1], now + word[2]);
      else if (word[0] === 'cancel') this.timers.delete(word[1]);
      else if (word[0] === 'immediate') this.immediates.push(word[1]);
      else if (word[0] === 'watch') this.#watches.set(word[1], { folder: word[2], changed: [] });
      else if (word[0] === 'unwatch') this.#watches.delete(word[1]);
      else this.#hear(word, this);
    }
  }

  /** A name in a directory has changed. */
  changed(folder: string, name: string): void {
    for (const watch of this.#watches.values()) {
      if (watch.folder === folder && !watch.changed.includes(name)) watch.changed.push(name);
    }
  }

  /** When it could do something, if no call of its own is under way; Infinity: never. */
  wakesAt(): number {
    let at = Number.POSITIVE_INFINITY;
    for (const due of this.timers.values()) at = Math.min(at, due);
    return at;
  }

  /** What could happen next: a call that is carried out, or something that it is told. */
  choices(now: number): Choice[] {
    const choices: Choice[] = this.begun.map((begun) => ({ begun }));
    if (this.call !== undefined) {
      choices.push({ call: this.call });
      return choices;
    }
    for (const done of this.done) choices.push({ done });
    for (const id of this.immediates) choices.push({ tell: { immediate: id } });
    for (const [id, due] of this.timers) if (due <= now) choices.push({ tell: { timer: id } });
    for (const request of this.requests) choices.push({ request });
    for (const [id, { changed }] of this.#watches) {
      for (const name of changed) choices.push({ tell: { changed: id, name } });
    }
    return choices;
  }

  /** Tells it what was chosen, and forgets that it could be. */
  tell(command: Command, now: number, bytes?: Buffer): void {
    if ('timer' in command) this.timers.delete(command.timer);
    else if ('immediate' in command) remove(this.immediates, command.immediate);
    else if ('changed' in command) remove(this.#watches.get(command.changed)?.changed ?? [], command.name);
    this.command(command, now, bytes);
  }
}

export type Choice =
  | { begun: Begun }
  | { call: Call }
  | { done: VirtualProcess['done'][number] }
  | { tell: Command }
  | { request: Request };

export function remove<T>(list: T[], item: T): void {
  const i = list.indexOf(item);
  if (i >= 0) list.splice(i, 1);
}
