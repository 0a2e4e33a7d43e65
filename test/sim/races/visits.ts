import type { Store } from '../../../lib/file/store.js';
import type { Queue } from '../../../lib/queue.js';
import { type Life, QUEUE } from './protocol.js';
import type { Seam } from './seam.js';

/*
 * Processes that do one thing and end: a reader that has never seen the file, and a person who edits it.
 */

/** All are asked for at once, so that the first read of the file has to show every one of them. */
export async function read(queue: Queue, seam: Seam, { ids = [], lists }: Life): Promise<void> {
  const list = lists ? await queue.listJobs() : undefined;
  const look = async (id: string) => (list ? list.find((job) => job.id === id) : queue.getJob(id));
  await Promise.all(ids.map(async (id) => seam.note(['saw', id, (await look(id))?.status ?? null])));
}

/**
 * What `queue lock -- sed -i …` does: takes the jobs out, every line of them, and may leave the last line without its
 * end. Under the lock, by a new file that takes the name, so that whoever is killed here leaves the old one or the new.
 */
export async function edit(store: Store, seam: Seam, { ids = [], leavesNoEnd }: Life): Promise<void> {
  const { fs } = seam;
  await store.edit(async () => {
    const fd = fs.open(QUEUE, 'r');
    const { size } = fs.fstat(fd);
    const bytes = Buffer.alloc(size);
    fs.readSync(fd, bytes, size, 0);
    fs.close(fd);
    const lines = bytes.toString('latin1').replace(/\n$/, '').split('\n');
    const left = lines.filter((line) => !ids.some((id) => line.startsWith(`${id}\t`)));
    // The header keeps its own end.
    const isOpen = leavesNoEnd === true && left.length > 1;
    if (isOpen) seam.note(['leaves open', (left.at(-1) as string).split('\t', 1)[0] as string]);
    const copy = `${QUEUE}.edited`;
    const into = fs.open(copy, 'w', 0o660);
    fs.writeSync(into, Buffer.from(`${left.join('\n')}${isOpen ? '' : '\n'}`, 'latin1'), 0);
    fs.close(into);
    for (const id of ids) seam.note(['takes out', id]);
    fs.rename(copy, QUEUE);
  });
}
