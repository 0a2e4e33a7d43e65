import assert from 'node:assert/strict';
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { openQueue, type Queue } from 'tsvq';
import { root, temporaryFolder } from '../support/folders.js';

/** Puts the time of a job into the past, by way of an operator's cancel and retry. */
export async function makeDue(queue: Queue, id: string): Promise<void> {
  assert.ok(await queue.cancelJob(id));
  assert.ok(await queue.retryJob(id));
}

/** A queue without jobs, for real workers. */
export function emptyQueue(t: TestContext) {
  const file = join(temporaryFolder(t), 'queue.tsv');
  return { file, queue: openQueue(file) };
}

/** The worker in a project of its own, which has the package installed, and a handler that may be another. */
export async function copiedProject(t: TestContext, webhook?: string) {
  const project = temporaryFolder(t);
  await cp(join(root, 'workers'), join(project, 'workers'), { recursive: true });
  if (webhook) await writeFile(join(project, 'workers/handlers/webhook.js'), webhook);
  await writeFile(join(project, 'package.json'), '{"type": "module"}');
  await mkdir(join(project, 'node_modules'));
  await symlink(root, join(project, 'node_modules/tsvq'));
  return {
    script: join(project, 'workers/queue_worker.js'),
    queue: openQueue(join(project, 'data/queue.tsv')),
  };
}
