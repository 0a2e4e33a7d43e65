import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { openQueue, type Queue } from 'tsvq';
import { sendEmail } from '../../workers/handlers/send_email.js';
import { setEnvironment } from '../support/environment.js';
import { temporaryFolder } from '../support/folders.js';
import type { MailServer } from './mail-server.js';

export const [ann, bob, carl] = ['ann@example.com', 'bob@example.com', 'carl@example.com'] as const;
export const letter = { from: 'App <app@example.org>', to: [ann, bob], subject: 'Hello', text: 'Hello\n' };

/** A queue whose mails go to a server, and what the handler wrote to stderr. */
export function mailQueue(t: TestContext, server?: MailServer) {
  if (server) setEnvironment(t, { SMTP_URL: server.url });
  const folder = temporaryFolder(t);
  const queue = openQueue(join(folder, 'queue.tsv'));
  t.after(() => queue.close());
  const stderr: string[] = [];
  t.mock.method(process.stderr, 'write', (line: string) => stderr.push(line));
  const run = (beforeEach: (attempt: number) => void = () => {}) =>
    queue.processJobs(
      {
        send_email: (payload, context) => {
          beforeEach(context.job.attempts);
          return sendEmail(payload as never, context as never, join(folder, 'outbox'));
        },
      },
      { logger: () => {}, backoff: [0] },
    );
  return { queue, run, stderr, outbox: join(folder, 'outbox') };
}

/** The job, once it has ended so. */
export async function jobThat(status: string, queue: Queue, id: string) {
  const job = await queue.getJob(id);
  assert.equal(job?.status, status, String(job?.error));
  return job as typeof job & { result: Record<string, unknown> };
}
