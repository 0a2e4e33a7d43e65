// Packs the package, installs it into an empty project, and uses it there as a user would: the types, a job from end
// to end, the worker, the command. node scripts/check-package.js
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const folder = mkdtempSync(join(tmpdir(), 'tsvq-package-'));

/** @param {string} program @param {string[]} args */
function run(program, args, cwd = folder) {
  try {
    return execFileSync(program, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  } catch (error) {
    console.error(/** @type {{ stdout?: string }} */ (error).stdout);
    throw error;
  }
}

/** The patterns of all files that may be in the tarball; true marks a file that must be there. */
const CONTENTS = /** @type {[RegExp, boolean][]} */ ([
  [/^package\.json$/, true],
  [/^README\.md$/, true],
  [/^LICENSE$/, true],
  [/^CHANGELOG\.md$/, true],
  [/^SECURITY\.md$/, true],
  [/^crontab\.example$/, true],
  [/^dist\/index\.js$/, true],
  [/^dist\/(outbox|testing)\.js$/, true],
  [/^dist\/(web|cli)\.js$/, true],
  [/^dist\/[\w-]+\.js$/, true],
  [/^dist\/cjs\/package\.json$/, true],
  [/^dist\/cjs\/(index|outbox|testing|web)\.js$/, true],
  [/^dist\/(cjs\/)?types\/(index|outbox|testing|web)\.d\.ts$/, true],
  [/^dist\/(cjs\/)?types\/[\w/-]+\.d\.ts$/, true],
  [/^workers\/queue_worker\.js$/, true],
  [/^workers\/handlers\/\w+\.js$/, true],
  [/^docs\/[\w-]+\.md$/, true],
  [/^docs\/[\w-]+\.svg$/, false],
  [/^docs\/pictures\/[\w-]+\.webp$/, true],
  [/^docs\/queue\.1$/, true],
  [/^docs\/examples\/[\w-]+\.(ts|js)$/, true],
  [/^docs\/examples\/testing\/[\w.-]+\.ts$/, true],
  [/^docs\/examples\/([\w-]+\.json|alerts(\.test)?\.yml)$/, true],
]);

try {
  const [packed] = JSON.parse(run('npm', ['pack', '--json', '--silent', '--pack-destination', folder], root));
  const paths = packed.files.map((/** @type {{ path: string }} */ { path }) => path);
  for (const path of paths)
    assert(
      CONTENTS.some(([form]) => form.test(path)),
      `${path} does not belong there`,
    );
  for (const [form, needed] of CONTENTS)
    assert(!needed || paths.some((/** @type {string} */ path) => form.test(path)), `nothing fits ${form}`);

  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'user', private: true, type: 'module' }),
  );
  run('npm', ['install', '--no-audit', '--no-fund', '--silent', join(folder, packed.filename)]);

  // Checks the types: right code compiles, wrong code doesn't. skipLibCheck is off, because the declarations stand alone.
  writeFileSync(
    join(folder, 'use.ts'),
    `import type { IncomingMessage, ServerResponse } from 'node:http';
import { openQueue, processJobs, type Handlers, type Job, TsvqError } from 'tsvq';
import { sqliteOutbox } from 'tsvq/outbox';
import { context } from 'tsvq/testing';
import { createDashboard, nodeHandler, type DashboardOptions } from 'tsvq/web';
interface Jobs { email: { to: string }; report: { month: string } }
const queue = openQueue<Jobs>('data/queue.tsv', { durability: 'os', retention: '30d' });
const handlers: Partial<Handlers<Jobs>> = { email: ({ to }, { enqueue }) => void enqueue('report', { month: to }) };
export const done = await queue.processJobs(handlers);
export const id: string = await queue.enqueue('email', { to: 'ann@example.com' }, { delay: '10m' });
export const describe = (job: Job<Jobs>): string => (job.type === 'email' ? job.payload.to : job.payload.month);
const all: Handlers<Jobs> = { email: ({ to }) => to, report: ({ month }) => month };
export const tested = await all.email({ to: 'ann@example.com' }, context());
export const outboxes = { outbox: [sqliteOutbox('app.db')] };
// @ts-expect-error another payload
await queue.enqueue('email', { month: '2030-01' });
// @ts-expect-error an unknown type
await queue.processJobs({ letter: () => 1 });
await processJobs({ anything: (payload) => payload.whatever });
const options: DashboardOptions = { access: (request) => (request.headers.has('cookie') ? 'write' : 'none') };
export const listener: (request: IncomingMessage, response: ServerResponse) => Promise<void> =
  nodeHandler(createDashboard(queue, options));
// @ts-expect-error no access
createDashboard(queue, {});
export const code = (error: unknown) => (error instanceof TsvqError ? error.code : undefined);
`,
  );
  const flags =
    '--strict --exactOptionalPropertyTypes --noEmit --target es2022 --module nodenext --types node';
  run(process.execPath, [
    tsc,
    ...flags.split(' '),
    '--typeRoots',
    join(root, 'node_modules/@types'),
    'use.ts',
  ]);

  // Runs a job from end to end, with only the dependencies of the package.
  writeFileSync(
    join(folder, 'use.js'),
    `import { enqueue, getJob, processJobs } from 'tsvq';
const id = await enqueue('double', { n: 21 });
await processJobs({ double: ({ n }) => n * 2 });
console.log(JSON.stringify((await getJob(id)).result));
`,
  );
  assert.equal(run(process.execPath, ['use.js']), '42\n');
  writeFileSync(
    join(folder, 'use.cjs'),
    `const { context } = require('tsvq/testing');
const { createDashboard } = require('tsvq/web');
require('tsvq/outbox');
const { openQueue, listJobs } = require('tsvq');
listJobs().then(async ([job]) => {
  const dashboard = createDashboard(openQueue('data/queue.tsv'), { access: () => 'read' });
  const { status } = await dashboard.fetch(new Request('http://localhost/'));
  console.log(job.result, context({ job }).job.type, status);
});
`,
  );
  assert.equal(run(process.execPath, ['use.cjs']), '42 double 200\n');

  for (const name of ['queue', 'tsvq']) assert.match(run('npx', [name, '--help']), /Usage: /);
  const id = run('npx', ['queue', 'add', 'send_email', '{"to":"ann@example.com"}']).trim();
  assert.match(id, /^[0-9a-f]{16}$/);
  const worker = join(folder, 'node_modules/tsvq/workers/queue_worker.js');
  const out = run('env', [`QUEUE_FILE=${join(folder, 'data/queue.tsv')}`, process.execPath, worker]);
  assert.equal(JSON.parse(out).event, 'completed');
  console.log(`${packed.filename}: ${paths.length} files, installed and used`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
