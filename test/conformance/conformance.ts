/*
 * Checks of the public Queue that every engine has to pass: conforms(engine) registers a test for each.
 *
 * An engine declares what it can't do, with a reason. The check of it then sees that the call is refused with the code
 * UNSUPPORTED, or that the rest holds. No check is left out.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { TsvqError } from 'tsvq';
import type { Checks, DeclarableCheck, Engine, Steps } from './engine.js';
import { enqueueing } from './enqueueing.js';
import { followUps } from './follow-ups.js';
import { hooks } from './hooks.js';
import { housekeeping } from './housekeeping.js';
import { labels } from './labels.js';
import { limits } from './limits.js';
import { looking } from './looking.js';
import { operators } from './operators.js';
import { order } from './order.js';
import { outcomes } from './outcomes.js';
import { policies } from './policies.js';
import { processes } from './processes.js';
import { retries } from './retries.js';
import { schedules } from './schedules.js';
import { shutdown } from './shutdown.js';
import { steps } from './steps.js';
import { uniqueJobs } from './unique.js';
import { workers } from './workers.js';

/** All checks by name. */
export const checks: Checks = {
  ...enqueueing,
  ...order,
  ...looking,
  ...operators,
  ...housekeeping,
  ...outcomes,
  ...retries,
  ...policies,
  ...hooks,
  ...steps,
  ...limits,
  ...followUps,
  ...uniqueJobs,
  ...labels,
  ...schedules,
  ...workers,
  ...shutdown,
  ...processes,
};

/** Runs a check, or, where the engine declares that it can't pass, what is asked of it instead. */
export async function run(t: TestContext, engine: Engine, check: Steps | DeclarableCheck): Promise<void> {
  if (typeof check === 'function') return void (await check(t, engine));
  const reason = engine.cannot[check.needs];
  if (reason === undefined) return void (await check.steps(t, engine));
  t.diagnostic(`${engine.name} declares: no ${check.needs}, ${reason}`);
  if ('weaker' in check) return void (await check.weaker(t, engine));
  await assert.rejects(check.refused(t, engine), (error: unknown) => {
    assert.ok(error instanceof TsvqError, `not refused by a TsvqError, but ${error}`);
    assert.equal(error.code as string, 'UNSUPPORTED', error.message);
    return true;
  });
}

/** Registers the tests of an engine. */
export function conforms(engine: Engine): void {
  for (const [name, check] of Object.entries(checks)) {
    // An engine may notice a dead worker late.
    test(`${engine.name}: ${name}`, { timeout: 120_000 }, (t) => run(t, engine, check));
  }
}
