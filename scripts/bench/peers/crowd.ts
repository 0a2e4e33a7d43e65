import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Turn } from './turn.js';

const child = fileURLToPath(new URL('./child.js', import.meta.url));

/** What processes did that worked on one queue at the same time; moments are ns on their common clock. */
export interface Crowd {
  /** When the first of those that enqueue began. */
  readonly begin: number;
  /** When the last completion was recorded. */
  readonly end: number;
  /** From the call of enqueue to the start of the handler, in ms. */
  readonly delays: number[];
  /** How long each enqueue took, in µs. */
  readonly took: number[];
}

interface Produced {
  begin: number;
  asked: [n: number, at: number][];
  took: number[];
}

interface Served {
  started: [n: number, at: number][];
  last: number;
}

/** Some processes enqueue while others run the jobs, until all have run. @throws unless each ran once */
export async function crowd(
  turn: Turn,
  {
    producers,
    jobs,
    workers,
    gapMs = 0,
  }: { producers: number; jobs: number; workers: number; gapMs?: number },
): Promise<Crowd> {
  const total = producers * jobs;
  const members: Member<unknown>[] = [];
  const member = <T>(task: string, argument: object): Member<T> => {
    const made = new Member<T>(turn.request(task, argument));
    members.push(made);
    return made;
  };
  try {
    const serving = Array.from({ length: workers }, () => member<Served>('serve', { jobs: 0 }));
    const producing = Array.from({ length: producers }, (_, i) =>
      member<Produced>('produce', { from: i * jobs, jobs, gapMs }),
    );
    await Promise.all(members.map(({ ready }) => ready));
    const allStarted = new Promise<void>((resolve) => {
      for (const each of serving) {
        each.onProgress = () => {
          if (serving.reduce((sum, { started }) => sum + started, 0) >= total) resolve();
        };
      }
    });
    for (const each of producing) each.tell('go');
    const failed = Promise.race(serving.map(({ result }) => result)).then(() => {
      throw new Error('a worker ended before it was told to');
    });
    failed.catch(() => {});
    const produced = await Promise.race([Promise.all(producing.map(({ result }) => result)), failed]);
    await Promise.race([allStarted, failed]);
    for (const each of serving) each.tell('stop');
    const served = await Promise.all(serving.map(({ result }) => result));

    return {
      begin: Math.min(...produced.map(({ begin }) => begin)),
      end: Math.max(...served.map(({ last }) => last)),
      delays: delaysOf(produced, served),
      took: produced.flatMap(({ took }) => took),
    };
  } finally {
    for (const each of members) each.kill();
  }
}

/** Returns the ms from the call of enqueue to the start of the handler, of each job. @throws unless each ran once */
function delaysOf(produced: readonly Produced[], served: readonly Served[]): number[] {
  const starts = new Map<number, number>();
  for (const [n, at] of served.flatMap(({ started }) => started)) {
    if (starts.has(n)) throw new Error(`job ${n} ran twice`);
    starts.set(n, at);
  }
  return produced
    .flatMap(({ asked }) => asked)
    .map(([n, at]) => {
      const start = starts.get(n);
      if (start === undefined) throw new Error(`job ${n} never ran`);
      return (start - at) / 1e6;
    });
}

/** One of the processes. */
class Member<T> {
  readonly #process: ChildProcess;
  readonly ready: Promise<void>;
  readonly result: Promise<T>;
  onProgress: () => void = () => {};
  started = 0;

  constructor(request: object) {
    this.#process = spawn(process.execPath, [child, JSON.stringify(request)], {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
    this.result = this.#end();
    this.ready = new Promise((resolve, reject) => {
      this.result.catch(reject);
      this.#process.on('message', (message: 'ready' | { started: number }) => {
        if (message === 'ready') return resolve();
        this.started = message.started;
        this.onProgress();
      });
    });
  }

  async #end(): Promise<T> {
    const [output, [code, signal]] = await Promise.all([
      text(this.#process.stdout as NodeJS.ReadableStream),
      once(this.#process, 'close'),
    ]);
    if (code !== 0) throw new Error(`it ended with ${signal ?? `exit code ${code}`}`);
    return JSON.parse(output) as T;
  }

  tell(word: string): void {
    if (this.#process.connected) this.#process.send(word);
  }

  kill(): void {
    if (this.#process.exitCode === null && this.#process.signalCode === null) this.#process.kill('SIGKILL');
  }
}
