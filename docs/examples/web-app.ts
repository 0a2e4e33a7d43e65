/*
 * A web app that answers at once and leaves the slow part, an e-mail, to the queue.
 *
 *   npx tsx docs/examples/web-app.ts
 *   curl -i localhost:3000/signup -d '{"email": "ann@example.com"}'
 *   curl localhost:3000/jobs/<id>
 *   curl -X DELETE localhost:3000/jobs/<id>
 *
 * It only adds jobs: `node workers/queue_worker.js`, started by cron, runs them.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { fileURLToPath } from 'node:url';
import { openQueue, type Queue, TsvqError } from 'tsvq';

/** The names of this app's jobs, with what each needs: a wrong payload doesn't compile. */
export interface Jobs {
  send_email: { to: string; subject: string; text: string };
}

/** What this app shows of a job. Payload and error stay inside: they may hold other people's data. */
interface JobView {
  id: string;
  status: string;
  attempts: number;
  createdAt: Date;
  runAt: Date;
  finishedAt: Date | undefined;
}

export function createApp(queue: Queue<Jobs>): Server {
  return createServer((request, response) => {
    route(queue, request, response).catch((error) => {
      const [status, message] = problem(error);
      if (status >= 500) console.error(error);
      if (status === 503) response.setHeader('retry-after', '10');
      send(response, status, { error: message });
    });
  });
}

async function route(queue: Queue<Jobs>, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'http://localhost');
  const id = /^\/jobs\/([^/]+)$/.exec(pathname)?.[1];
  if (request.method === 'POST' && pathname === '/signup') return signUp(queue, request, response);
  if (request.method === 'GET' && id) return showJob(queue, id, response);
  if (request.method === 'DELETE' && id) return cancelJob(queue, id, response);
  throw new HttpError(404, 'there is nothing here');
}

async function signUp(queue: Queue<Jobs>, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { email } = await readJson(request);
  if (typeof email !== 'string' || !/^[^@\s]+@[^@\s]+$/.test(email))
    throw new HttpError(400, 'email must be an e-mail address');

  const id = await queue.enqueue('send_email', {
    to: email,
    subject: 'Welcome',
    text: 'Thank you for signing up.\n',
  });
  // Here the job is on the disk: it will run even if this process, or the machine, dies now.
  response.setHeader('location', `/jobs/${id}`);
  send(response, 202, { id });
}

async function showJob(queue: Queue<Jobs>, id: string, response: ServerResponse): Promise<void> {
  const job = await queue.getJob(id, { archive: true });
  if (!job) throw new HttpError(404, 'no such job');
  const { status, attempts, createdAt, runAt, finishedAt } = job;
  send(response, 200, { id, status, attempts, createdAt, runAt, finishedAt } satisfies JobView);
}

async function cancelJob(queue: Queue<Jobs>, id: string, response: ServerResponse): Promise<void> {
  if (await queue.cancelJob(id)) return send(response, 200, { id, status: 'cancelled' });
  const job = await queue.getJob(id, { archive: true });
  throw job ? new HttpError(409, `the job is already ${job.status}`) : new HttpError(404, 'no such job');
}

class HttpError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** What to tell the client: its own mistakes in words, a queue that can't take jobs now as 503, nothing else. */
function problem(error: unknown): [status: number, message: string] {
  if (error instanceof HttpError) return [error.status, error.message];
  if (error instanceof TsvqError) {
    switch (error.code) {
      case 'INVALID_ARGUMENT':
        return [400, error.message];
      case 'PAYLOAD_TOO_LARGE':
        return [413, error.message];
      case 'LOCK_TIMEOUT':
      case 'DISK_FULL':
        return [503, 'try again in a moment'];
    }
  }
  return [500, 'something went wrong'];
}

const LARGEST_BODY = 100_000;

async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  let size = 0;
  // Destroying the request would also close the connection that the answer needs.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > LARGEST_BODY) throw new HttpError(413, `the body is over ${LARGEST_BODY} bytes`);
  }
  try {
    const body = JSON.parse(Buffer.concat(chunks).toString());
    if (typeof body === 'object' && body !== null) return body;
  } catch {
    // Told below, together with JSON that is no object.
  }
  throw new HttpError(400, 'the body must be a JSON object');
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify(body)}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const queue = openQueue<Jobs>(process.env.QUEUE_FILE ?? 'data/queue.tsv');
  const app = createApp(queue);
  const port = Number(process.env.PORT ?? 3000);
  app.listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${port}, jobs in ${queue.file}`));
  for (const signal of ['SIGINT', 'SIGTERM']) {
    // What was answered is on the disk; what is under way is finished first.
    process.once(signal, () => app.close(() => queue.close()));
  }
}
