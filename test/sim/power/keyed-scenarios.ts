import type { FileSystem } from '../../../lib/file/disk/fs.js';
import { Actor, type Machine } from './actor.js';
import { job, queueOf, type Scenario } from './scenarios.js';

/** Longer than a page, so that power loss can keep an end and lose the release behind it. */
const LONG = 5000;

/** A worker that runs a job with a key, and stays in its handler until `open` is called. */
async function runOne(machine: Machine, worker: Actor): Promise<{ work: Promise<void>; open: () => void }> {
  let open = (): void => {};
  worker.gate = new Promise((resolve) => {
    open = resolve;
  });
  const work = worker.work({ concurrency: 2 });
  while (!machine.witness.facts.some(({ what }) => what === 'ran')) await new Promise(setImmediate);
  return { work, open };
}

/** A disk that takes its time: others go on between an append and its sync. */
export const withSlowSyncs = (fs: FileSystem): FileSystem => ({
  ...fs,
  fdatasync: async (fd) => {
    for (let i = 0; i < 50; i++) await new Promise(setImmediate);
    await fs.fdatasync(fd);
  },
});

/** Histories of jobs with keys. */
export const KEYED_SCENARIOS: readonly Scenario[] = [
  {
    name: 'a job with a key is replaced while it runs',
    disk: queueOf(job(1, 'ok')),
    run: async (machine, options) => {
      const [web, worker] = [new Actor(machine, options), new Actor(machine, options)];
      await web.add('waits', 'k', 'return');
      const { work, open } = await runOne(machine, worker);
      await web.add('ok', 'k', 'replace', LONG);
      await web.add('ok', 'k', 'replace', LONG);
      await web.add('ok', 'k', 'return');
      open();
      await work;
      await web.add('ok', 'k', 'return');
      await web.close();
      await worker.close();
    },
  },
  {
    name: 'a job with a key is cancelled while it runs, and another waits',
    disk: queueOf(job(1, 'ok')),
    run: async (machine, options) => {
      const [web, worker] = [new Actor(machine, options), new Actor(machine, options)];
      const first = await web.add('waits', 'k', 'return', LONG);
      const { work, open } = await runOne(machine, worker);
      await web.add('fails once', 'k', 'replace', LONG);
      await web.cancel(first);
      open();
      await work;
      await web.close();
      await worker.close();
    },
  },
  {
    name: 'two processes ask for one key at once',
    disk: queueOf(job(1, 'ok')),
    run: async (machine, options) => {
      const slow = { ...machine, fs: withSlowSyncs(machine.fs) };
      const actors = [slow, machine, machine].map((one) => new Actor(one, options));
      let isOver = false;
      const adding = Promise.all(actors.map((actor) => actor.add('ok', 'k', 'return', LONG))).finally(() => {
        isOver = true;
      });
      await machine.clock.advanceUntil('all have answers', () => isOver);
      await adding;
      for (const actor of actors) await actor.close();
    },
  },
];
