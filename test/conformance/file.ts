import { join } from 'node:path';
import { openQueue } from 'tsvq';
import { workFolder } from '../fixtures/children.js';
import type { Engine } from './engine.js';

/** The queue that is one text file. */
export const file: Engine = {
  name: 'file',
  open(t, options) {
    // Temporary folders may be in memory, or in the layer of a container.
    const queue = openQueue(join(workFolder(t), 'queue.tsv'), { anyFileSystem: true, ...options });
    t.after(() => queue.close());
    return queue;
  },
  reopen(t, queue) {
    const again = openQueue(queue.file, { anyFileSystem: true });
    t.after(() => again.close());
    return again;
  },
  address: (queue) => queue.file,
  cannot: {},
};
