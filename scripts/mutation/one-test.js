// Runs one test, with as much of node:test's context as the tests use.
import { createRequire } from 'node:module';

const { mock } = createRequire(import.meta.url)('node:test');

// Before a test has time stand still.
const { setTimeout, clearTimeout } = globalThis;

/** What is thrown where nobody catches it belongs to the test that runs. */
let fail = (_error) => {};
process.on('uncaughtException', (error) => fail(error));
process.on('unhandledRejection', (error) => fail(error));

export class OutOfTime extends Error {}

/** @returns what went wrong, or undefined */
export async function runTest(name, run, limit) {
  const after = [];
  const t = {
    name,
    mock,
    after: (hook) => after.push(hook),
    test: async (inner, ...rest) => {
      const error = await runTest(`${name} > ${inner}`, rest.at(-1), limit);
      if (error !== undefined) throw error;
    },
    skip: () => {},
    diagnostic: () => {},
  };
  const outer = fail;
  let failed;
  const stray = new Promise((_, reject) => {
    fail = reject;
  });
  stray.catch(() => {});
  const timer = setTimeout(() => fail(new OutOfTime(`it takes longer than ${limit} ms`)), limit);
  try {
    await Promise.race([(async () => run(t))(), stray]);
  } catch (error) {
    failed = error ?? new Error('it failed');
  }
  for (const hook of after) {
    try {
      await Promise.race([hook(), stray]);
    } catch (error) {
      failed ??= error;
    }
  }
  clearTimeout(timer);
  mock.reset();
  fail = outer;
  return failed;
}
