import { isFinal } from '../../job/job.js';
import type { Layout } from './layout.js';
import type { LineReader } from './line.js';
import { saysForget } from './meta.js';

/** True if the row that was read last is that of a finished job, and says that it is forgotten. */
export const isForgotten = (row: LineReader, { at }: Layout): boolean =>
  isFinal(row.status) && row.has(at.meta) && saysForget(row.text(at.meta));
