import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { systemProcesses } from '../../lib/file/lock/process-id.js';
import { bundleCrashChild } from '../fixtures/bundle.js';
import type { CrashConfig } from '../fixtures/crash-child.js';
import { run as runCommand } from '../integration/cli-process.js';
import { bareEnvironment } from '../support/processes.js';
import { HEADER, jobId, line, rowsOf, text } from '../support/queue-file.js';
import { sampled } from '../support/samples.js';

/*
 * An import, a backup and a repair are killed at each step that changes anything, and in the middle of each write.
 */

const MOST = 12;
const dead = systemProcesses.self().replace(/\.\d+\.(\d+)\.([0-9a-f]+)$/, '.99999999.$1.$2');
const old = Math.floor(Date.now() / 1000) - 30 * 86_400;

/** A job that is to be archived, two that wait, and one that a dead worker has. */
const ROWS = [
  line({ id: jobId(1), status: 'completed', attempts: 1, finished_at: old, version: 3 }),
  line({ id: jobId(2) }),
  line({ id: jobId(3) }),
  line({ id: jobId(4), status: 'processing', attempts: 1, locked_by: dead, started_at: old, version: 2 }),
];
const UNREADABLE = 'half a line\tof a person\n';
const TORN = `${jobId(9)}\temail\t{}`;

describe('killed at every step', { timeout: 900_000 }, () => {
  let folder: string;
  let bundle: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tsvq-moving-'));
    bundle = await bundleCrashChild(folder);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  function lay(name: string, ...rows: string[]): string {
    const file = join(folder, name, 'queue.tsv');
    mkdirSync(dirname(file));
    writeFileSync(file, `${HEADER}\n${rows.join('')}`);
    return file;
  }

  async function run(file: string, scenario: CrashConfig['scenario'], killAt: number, cut = 0) {
    const journal = join(folder, `journal-${basename(dirname(file))}-${killAt}-${cut}-${Math.random()}`);
    const config: CrashConfig = { file, journal, scenario, killAt, cut, signal: 'SIGKILL', ids: [] };
    writeFileSync(journal, '');
    const child = spawn(process.execPath, [bundle, JSON.stringify(config)], {
      cwd: '/',
      env: bareEnvironment,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const [code, signal] = await once(child, 'close');
    return { code, signal, said: readFileSync(journal, 'utf8').split('\n') };
  }

  /** Kills a scenario at each step, in a queue of its own each time. */
  async function each(
    scenario: CrashConfig['scenario'],
    rows: string[],
    judge: (file: string, said: string[]) => Promise<void> | void,
  ): Promise<void> {
    const whole = await run(lay(`${scenario}-whole`, ...rows), scenario, 0);
    assert.equal(whole.code, 0);
    const steps = whole.said.flatMap((said, i, all) =>
      said.startsWith('step ')
        ? [{ at: all.slice(0, i + 1).filter((s) => s.startsWith('step ')).length, said }]
        : [],
    );
    assert.ok(steps.length > 8, whole.said.join());
    for (const { at, said } of sampled(steps, MOST))
      for (const cut of said.includes('write') ? [0, 0.6] : [0]) {
        const file = lay(`${scenario}-${at}-${cut}`, ...rows);
        const died = await run(file, scenario, at, cut);
        assert.equal(died.signal, 'SIGKILL', `${scenario} at ${at}`);
        await judge(file, died.said);
      }
  }

  const imported = (file: string): number => rowsOf(file).filter(({ type }) => type === 'imported').length;

  test('an import is in the queue as a whole or not at all, and nothing else is lost or left', async () => {
    const counts = new Set<number>();
    await each('import', ROWS, async (file, said) => {
      const count = imported(file);
      counts.add(count);
      assert.ok(count === 0 || count === 40, `${count} of 40 jobs`);
      if (said.some((word) => word.startsWith('imported'))) assert.equal(count, 40);
      // The next one, by another process, is as if nothing had been.
      const next = await run(file, 'import', 0);
      assert.equal(next.code, 0);
      assert.equal(imported(file), count + 40);
      for (const n of [2, 3, 4]) assert.equal(rowsOf(file).filter(({ id }) => id === jobId(n)).length, 1);
      const left = readdirSync(dirname(file)).filter((name) => name.endsWith('.tmp'));
      // Only a death between the making of a file and the loss of its name leaves it, empty.
      for (const name of left) assert.equal(readFileSync(join(dirname(file), name), 'utf8'), '');
    });
    assert.deepEqual([...counts].sort(), [0, 40]);
  });

  test('a backup is whole, or the older one is still there', async (t) => {
    await each('backup', [...ROWS, UNREADABLE], async (file) => {
      const copy = `${file}.backup`;
      if (existsSync(copy)) {
        const found = await runCommand(t, ['list', '--json'], { env: { QUEUE_FILE: copy } });
        assert.deepEqual([found.code, found.stdout.split('\n').length - 1], [0, 4]);
      }
      assert.equal((await run(file, 'backup', 0)).code, 0);
      assert.equal(text(copy), text(file));
    });
  });

  test('a repair loses no line, and the next one does the rest', async () => {
    await each('fix', [...ROWS, UNREADABLE, TORN], async (file) => {
      const aside = `${file}.aside`;
      const everything = (): string => text(file) + (existsSync(aside) ? text(aside) : '');
      assert.ok(everything().includes(UNREADABLE));
      assert.equal((await run(file, 'fix', 0)).code, 0);
      assert.ok(text(aside).includes(UNREADABLE));
      assert.ok(!text(file).includes(UNREADABLE));
      assert.ok(text(file).includes(`#-`), 'the torn line is a comment');
      const states = new Map(rowsOf(file).map(({ id, status }) => [id, status]));
      assert.deepEqual(
        [2, 3, 4].map((n) => states.get(jobId(n))),
        ['pending', 'pending', 'pending'],
      );
      const again = text(file);
      assert.equal((await run(file, 'fix', 0)).code, 0);
      assert.equal(text(file), again, 'a second repair finds nothing to do');
    });
  });
});
