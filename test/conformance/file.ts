import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { openQueue, type Queue, type QueueOptions } from 'tsvq';
import { workFolder } from '../fixtures/children.js';
import type { Engine } from './engine.js';

const queues = new WeakMap<TestContext, Queue[]>();

/** The open queues of a test. They are closed before their folder goes: a worker may still stay after a failure. */
function queuesOf(t: TestContext): Queue[] {
  const known = queues.get(t);
  if (known !== undefined) return known;
  const opened: Queue[] = [];
  queues.set(t, opened);
  t.after(() => Promise.all(opened.map((queue) => queue.close())));
  return opened;
}

function open(t: TestContext, path: string, options: QueueOptions = {}): Queue {
  // Temporary folders may be in memory, or in the layer of a container.
  const queue = openQueue(path, { anyFileSystem: true, ...options });
  queuesOf(t).push(queue);
  return queue;
}

/** The queue that is one text file. */
export const file: Engine = {
  name: 'file',
  open(t, options) {
    queuesOf(t);
    return open(t, join(workFolder(t), 'queue.tsv'), options);
  },
  reopen: (t, queue) => open(t, queue.file),
  address: (queue) => queue.file,
  cannot: {},
};
