/*
 * How deep the path from a caller's enqueue to the write is: what a reader has to go through to follow one job into the
 * file.
 */
import assert from 'node:assert/strict';
import { createHook, executionAsyncId } from 'node:async_hooks';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { systemFs } from '../../../../lib/file/disk/fs.js';
import { systemEnvironment } from '../../../../lib/file/lock/environment.js';
import { Store } from '../../../../lib/file/store.js';
import { resolveQueueOptions } from '../../../../lib/job/queue-options.js';
import { overStore } from '../../../../lib/open-queue.js';
import { root, temporaryFolder } from '../../../support/folders.js';

const MOST_FILES = 7;

/** The files of lib/ among the frames of a stack, innermost first. */
const filesIn = (stack: string): string[] =>
  [...stack.matchAll(/\(?(file:\/\/[^\s)]+?|\/[^\s)]+?):\d+:\d+\)?$/gm)]
    .map(([, place = '']) => (place.startsWith('file:') ? fileURLToPath(place.replace(/\?.*/, '')) : place))
    .map((path) => relative(join(root, 'lib'), path))
    .filter((path) => !path.startsWith('..'));

test(`between a caller's enqueue and the write stand at most ${MOST_FILES} files`, async (t) => {
  // Where each asynchronous step was begun, and from which other step: the stack across every await.
  const begun = new Map<number, { stack: string; by: number }>();
  const hook = createHook({
    init: (id) => begun.set(id, { stack: new Error().stack as string, by: executionAsyncId() }),
  });
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 100;
  t.after(() => {
    hook.disable();
    Error.stackTraceLimit = limit;
  });
  let files: string[] | undefined;
  const fs = {
    ...systemFs,
    writeSync: (...args: Parameters<typeof systemFs.writeSync>) => {
      // The seam itself is one of them.
      files = ['file/disk/fs.ts', ...filesIn(new Error().stack as string)];
      for (let step = begun.get(executionAsyncId()); step !== undefined; step = begun.get(step.by)) {
        files.push(...filesIn(step.stack));
      }
      return systemFs.writeSync(...args);
    },
  };
  const path = join(temporaryFolder(t), 'queue.tsv');
  const options = resolveQueueOptions({ anyFileSystem: true });
  const queue = overStore(new Store(path, options, { ...systemEnvironment, fs }));
  t.after(() => queue.close());
  await queue.enqueue('first', {});
  files = undefined;
  hook.enable();
  await queue.enqueue('plain', {});
  hook.disable();
  const stack = [...new Set(files)];
  assert.ok(stack.includes('file/file-queue.ts'), `the stack reaches the caller: ${stack.join(', ')}`);
  assert.ok(stack.includes('file/commit/append.ts'), `the stack begins at the write: ${stack.join(', ')}`);
  assert.ok(stack.length <= MOST_FILES, `${stack.length} files: ${stack.join(', ')}`);
});
