import assert from 'node:assert/strict';
import { test } from 'node:test';
import { storeError, systemFs } from '../../../../lib/file/disk/fs.js';
import { TsvqError } from '../../../../lib/job/errors.js';
import { systemError } from '../../../support/faulty-fs.js';

for (const [code, ours] of [
  ['ENOSPC', 'DISK_FULL'],
  ['EDQUOT', 'DISK_FULL'],
  ['EACCES', 'NO_ACCESS'],
  ['ELOOP', 'NO_ACCESS'],
  ['EIO', 'WRITE_FAILED'],
  ['E2BIG', 'WRITE_FAILED'],
  ['UNKNOWN', 'WRITE_FAILED'],
] as const)
  test(`${code} of the system becomes ${ours}, with the path`, () => {
    const cause = systemError(code);
    const told = storeError(cause, '/data/queue.tsv');
    assert.ok(told instanceof TsvqError);
    assert.deepEqual([told.code, told.cause], [ours, cause]);
    assert.match(told.message, new RegExp(`/data/queue\\.tsv.*\\(${code}\\)`));
  });

test("an error that is not the system's does not become one of the disk", () => {
  let ofNode: unknown;
  try {
    systemFs.open(5 as unknown as string, 'r');
    systemFs.close('x' as unknown as number);
  } catch (error) {
    ofNode = error;
  }
  assert.equal((ofNode as { code?: string }).code, 'ERR_INVALID_ARG_TYPE');
  for (const error of [
    ofNode,
    new TypeError('a slip'),
    new TsvqError('CLOSED', 'closed'),
    new DOMException('stopped', 'AbortError'),
    Object.assign(new Error('declined'), { code: 'card_declined' }),
    Object.assign(new Error('gone'), { code: 'MODULE_NOT_FOUND' }),
    Object.assign(new Error('no'), { code: 404 }),
    'a text',
    null,
    undefined,
  ]) {
    assert.equal(storeError(error, '/data/queue.tsv'), error);
  }
});
