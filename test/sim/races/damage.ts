import type { Disk } from './disk.js';
import { QUEUE } from './protocol.js';
import { eachLine, header, type Job } from './queue-file.js';
import type { Random } from './random.js';

/** A row that the disk has damaged: it was its job's newest, and an older one of the job is still there. */
export interface Damaged {
  readonly id: string;
  /** The line as it is now. */
  readonly text: string;
}

/**
 * Puts NULs into the newest row of a job, behind its id, where an older row of it was never struck, or had its strike
 * undone by power loss. Only that can be put right: of a job without another row nothing is left to hold.
 *
 * @param isHeld whether that has befallen a job already
 * @returns undefined if there is no such row
 */
export function damageRow(disk: Disk, random: Random, isHeld: (id: string) => boolean): Damaged | undefined {
  const content = disk.content(QUEUE);
  const head = content && header(content);
  if (content === undefined || head === undefined) return undefined;
  const rows = new Map<string, { job: Job; text: string }[]>();
  eachLine(content, head.start, head.names, (line, text) => {
    if (line.kind !== 'row') return;
    const { job } = line;
    if (isHeld(job.id)) return;
    rows.set(job.id, [...(rows.get(job.id) ?? []), { job, text }]);
  });
  const several = [...rows.values()].filter(({ length }) => length > 1);
  if (several.length === 0) return undefined;
  const { job, text } = random
    .pick(several)
    .reduce((newest, row) => (row.job.version > newest.job.version ? row : newest));
  const from = job.id.length + 1 + random.below(text.length - job.id.length - 1);
  const length = Math.min(1 + random.below(20), text.length - from);
  const fd = disk.open(QUEUE, 'r+', 0);
  disk.write(fd, Buffer.alloc(length), job.offset + from);
  disk.sync(fd);
  disk.close(fd);
  return { id: job.id, text: `${text.slice(0, from)}${'\0'.repeat(length)}${text.slice(from + length)}` };
}
