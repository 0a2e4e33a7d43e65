// Runs one test, with as much of node:test's context as the tests use.
import { createRequire } from 'node:module';

const { mock } = createRequire(import.meta.url)('node:test');

/** An uncaught exception belongs to the test that runs. */
let fail = (_error) => {};
process.on('uncaughtException', (error) => fail(error));
process.on('unhandledRejection', (error) => fail(error));

/** @returns what went wrong, or undefined */
export async function runTest(name, run) {
  const after = [];
  const t = {
    name,
    mock,
    after: (hook) => after.push(hook),
    test: async (inner, ...rest) => {
      const error = await runTest(`${name} > ${inner}`, rest.at(-1));
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
  mock.reset();
  fail = outer;
  return failed;
}
