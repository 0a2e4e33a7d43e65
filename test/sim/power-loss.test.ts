import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isThorough } from '../support/samples.js';
import { losePower, type Settings, type Violation } from './power/campaign.js';
import { ENDS } from './power/ends.js';
import { hasHole, look, untidy } from './power/judge.js';
import { KEYED_SCENARIOS } from './power/keyed-scenarios.js';
import { LIES } from './power/lies.js';
import { SCENARIOS, type Scenario } from './power/scenarios.js';
import { SCHEDULED_SCENARIOS } from './power/scheduled-scenarios.js';
import { filesOf, type Inode } from './power/snapshot.js';
import type { Fact } from './power/witness.js';

/*
 * Power is lost at the steps of short histories, and the queue has to recover from each state that this may leave. The
 * nightly form takes every step; the long form is scripts/nightly/power-loss.ts.
 */

const SEED = Number(process.env.SEED ?? 1);

function told({ scenario, crash, what, disk }: Violation): string {
  const files = [...filesOf(disk)].map(([path, data]) => `${path}\n${data.toString('utf8').slice(0, 4000)}`);
  return [`${scenario}, ${crash}, SEED=${SEED}`, ...what, ...files].join('\n');
}

describe('power is lost at any step', () => {
  const settings: Settings = {
    seed: SEED,
    everyNthCut: 60,
    samples: 1,
    everyNthAgain: isThorough ? 100 : 400,
    share: 0.06,
    everyNthStep: isThorough ? 1 : 5,
    enough: 1,
  };
  for (const scenario of [...SCENARIOS, ...KEYED_SCENARIOS, ...SCHEDULED_SCENARIOS]) {
    test(scenario.name, async () => {
      const { states, violations } = await losePower(scenario, settings);
      assert.ok(states > 3, `${states} states`);
      for (const violation of violations) assert.fail(told(violation));
    });
  }

  test('the bytes at which the rows of two jobs can be cut', async () => {
    const scenario = SCENARIOS[0] as Scenario;
    const { states, violations } = await losePower(scenario, {
      ...settings,
      everyNthCut: 1,
      everyNthAgain: 400,
      everyNthStep: 1,
      share: isThorough ? 1 : 0.1,
    });
    assert.ok(states > (isThorough ? 300 : 30), `${states} states`);
    for (const violation of violations) assert.fail(told(violation));
  });
});

describe('a promised row whose LF comes later survives power loss', () => {
  for (const { through, ...scenario } of ENDS) {
    test(scenario.name, async () => {
      const { violations } = await losePower(scenario, {
        seed: SEED,
        everyNthCut: 60,
        samples: 4,
        everyNthAgain: 100,
        enough: 1,
        ...(through && { lie: through }),
      });
      assert.deepEqual(
        violations.map(({ crash, what }) => [crash, ...what]),
        [],
      );
    });
  }
});

describe('a lying disk is found', () => {
  for (const { name, scenario: wanted, lie } of LIES) {
    test(name, async () => {
      const scenario = SCENARIOS.find((one) => one.name === wanted) as Scenario;
      const { violations } = await losePower(scenario, {
        seed: SEED,
        everyNthCut: 100,
        samples: 1,
        // The first recovery shows each of them.
        everyNthAgain: 1000,
        share: 0.05,
        enough: 1,
        lie,
      });
      assert.equal(violations.length, 1);
    });
  }
});

/** What the judge sees of a file of these lines. */
function on(lines: readonly string[], path = 'srv/app/data/queue.tsv') {
  const folder = (name: string, ino: number): Inode => ({
    kind: 'folder',
    names: new Map([[name, ino]]),
    mtimeMs: 0,
  });
  const inodes = path.split('/').map((name, i) => folder(name, i + 2));
  const data = Buffer.from(lines.map((line) => `${line}\n`).join(''));
  inodes.push({ kind: 'file', data, mode: 0o600, mtimeMs: 0 });
  return look(new Map(inodes.map((inode, i) => [i + 1, inode])));
}

// Seed 2501 of the long form: a false alarm.
test('the judge reads nothing in an archive whose header was lost', () => {
  const rows = ['a\twork\t{"tag":"a"}\tcompleted\t1\t3'];
  const archive = 'srv/app/data/archive/queue-2030-01.tsv';
  assert.equal(on(['id\ttype\tpayload\tstatus\tattempts\tversion', ...rows], archive).archived.size, 1);
  assert.equal(on([`id\ttype\tpayload\tstatus\ta${'\0'.repeat(40)}\t3`, ...rows], archive).archived.size, 0);
});

// Seeds 1404 and 1405 of the long form: false alarms.
test('the judge knows a lost block by its NULs, also where the # of a strike in it was kept', () => {
  const row = (id: string, status: string) => `${id}\twork\t{"tag":"${id}"}\t${status}\t1\t1`;
  const header = 'id\ttype\tpayload\tstatus\tattempts\tversion';
  const facts: Fact[] = [{ at: 0, id: 'b', what: 'follows', parent: 'a', attempt: 1, tag: 'b' }];
  const rows = [header, row('b', 'completed'), row('a', 'failed')];
  assert.equal(untidy(on(rows), { facts }).length, 1);
  const lost = on([...rows, `#${'\0'.repeat(40)}${row('a', '---------')}`]);
  assert.deepEqual([hasHole(lost), untidy(lost, { facts })], [true, []]);
  const torn = on([...rows, `#${'\0'.repeat(40)}${row('a', '---------')}${'\0'.repeat(40)}\t#torn`]);
  assert.deepEqual([hasHole(torn), untidy(torn, { facts })], [true, []]);
});
