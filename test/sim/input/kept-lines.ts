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
    const glued = gluedJob(line, before.names);
    if (glued !== undefined && !left.includes(line)) {
      assert.ok(isThere(glued), `${glued} is gone with its line`);
      continue;
    }
    // With other columns than before it might become a row, but for one field more.
    const at = left.findIndex((other) => other === line || other === `${line}\t`);
    assert.ok(at >= 0, `a line is gone: ${JSON.stringify(line)}`);
    left.splice(at, 1);
  }
}
