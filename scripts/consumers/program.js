/* What each project of scripts/check-consumers.js does with the package, as source code. */

/** Loads the package, into an ES module or into CommonJS. */
export const LOADING = {
  import: `import { openQueue, PermanentError, TsvqError } from 'tsvq';
import { context } from 'tsvq/testing';
`,
  require: `const { openQueue, PermanentError, TsvqError } = require('tsvq');
const { context } = require('tsvq/testing');
`,
};

/** Uses the package: `useAll` runs jobs, and `testHandler` calls a handler. TypeScript adds the types. */
export const use = (/** @type {boolean} */ isTyped) => `
${isTyped ? 'interface Jobs { double: { n: number }; note: { text: string }; refuse: undefined }' : ''}
const handlers${isTyped ? ': Handlers<Jobs>' : ''} = {
  double: ({ n }, { enqueue }) => {
    enqueue('note', { text: String(n) });
    return n * 2;
  },
  note: ({ text }) => text,
  refuse: () => {
    throw new PermanentError('no');
  },
};
async function useAll(file${isTyped ? ': string' : ''}) {
  const queue = openQueue${isTyped ? '<Jobs>' : ''}(file, { retention: '7d', durability: 'os' });
  const id = await queue.enqueue('double', { n: 21 }, { timeout: '10s' });
  const refused = await queue.enqueue('refuse');
  const { completed, failed } = await queue.processJobs(handlers, { backoff: [0] });
  const code = await queue.enqueue('note', { text: 'late' }, { delay: 'soon' }).catch((error) => error instanceof TsvqError && error.code);
  const result = (await queue.getJob(id))?.result;
  const status = (await queue.getJob(refused))?.status;
  await queue.close();
  return { result, completed, failed, status, code };
}
async function testHandler() {
  const test = context${isTyped ? "<Jobs, 'double'>" : ''}({ job: { attempts: 2 } });
  const result = await handlers.double({ n: 4 }, test);
  await handlers.note({ text: 'a' }, context());
  return { result, enqueued: test.enqueued };
}
`;
/** What `useAll` returns, and what `testHandler` returns. */
export const USED = { result: 42, completed: 2, failed: 1, status: 'failed', code: 'INVALID_ARGUMENT' };
export const TESTED = { result: 8, enqueued: [{ type: 'note', payload: { text: '4' } }] };

/** Ends a program: prints what both return. */
export const PRINT = `
(async () => {
  console.log(JSON.stringify([await useAll(process.argv[2] ?? 'queue.tsv'), await testHandler()]));
})();
`;

/** Ends a test file of Jest or Vitest: both as tests. */
export const INSIDE = `
test('a job runs', async () => {
  expect(await useAll(process.cwd() + '/queue.tsv')).toEqual(${JSON.stringify(USED)});
});
test('a handler by itself', async () => {
  expect(await testHandler()).toEqual(${JSON.stringify(TESTED)});
});
`;
