import assert from 'node:assert/strict';
import { gluedJob, type Oracle } from './oracle.js';

/**
 * Checks that a compaction has kept every line that is no row; of one with a row at its end, that row's job instead.
 *
 * @param isThere whether there is a job with this id, in the queue or its archive
 * @throws AssertionError
 */
export function linesAreKept(before: Oracle, after: Oracle, isThere: (id: string) => boolean): void {
  const left = [...after.kept];
  for (const line of before.kept) {
    // With other columns than before it might become a row, but for one field more.
    const at = left.findIndex((other) => other === line || other === `${line}\t`);
    if (at >= 0) {
      left.splice(at, 1);
      continue;
    }
    const glued = gluedJob(line, before.names);
    assert.ok(glued !== undefined && isThere(glued), `a line is gone: ${JSON.stringify(line)}`);
  }
}
