import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { coloursOf } from '../../../lib/cli/screen/colours.js';
import { fold, widthOf } from '../../../lib/cli/screen/width.js';
import { fillPlace } from '../../../lib/cli/top/fill.js';
import { footerOf } from '../../../lib/cli/top/footer.js';
import { frameLines } from '../../../lib/cli/top/frame.js';
import { press } from '../../../lib/cli/top/keys.js';
import { Selection } from '../../../lib/cli/top/selection.js';
import { Session } from '../../../lib/cli/top/session.js';
import { View } from '../../../lib/view/view.js';
import { claimed, NOW, over } from '../../support/claims.js';
import { jobId, line } from '../../support/queue-file.js';

/*
 * The frames of `queue top`.
 */

const LONG = '日本語 and a very long name of a type, '.repeat(4).trim();

async function openSession(
  t: TestContext,
): Promise<{ session: Session; keys: (...keys: string[]) => Promise<void> }> {
  const rows = Array.from({ length: 80 }, (_, i) =>
    line({
      ...{ id: jobId(i), type: ['email', LONG, 'webhook'][i % 3] as string, status: 'failed', version: 2 },
      ...{ attempts: 3, started_at: NOW - 100 - i, finished_at: NOW - 90 - i, payload: JSON.stringify(LONG) },
      error: `Error: \u001b[31m${LONG} answered 503 after ${i} ms\\n    at work`,
    }),
  );
  for (let i = 80; i < 90; i++) rows.push(claimed(i, { type: LONG }));
  for (let i = 90; i < 120; i++)
    rows.push(line({ id: jobId(i), run_at: NOW + i - 100, payload: `"${LONG}"` }));
  const { queue, store, clock } = over(t, ...rows);
  const view = new View(queue);
  t.after(() => view.close());
  const patience = { maxAge: 600_000, maxFailed: 0 };
  const session = new Session({ queue, store, view, patience, isReadOnly: false }, 1000);
  session.look = await view.look(clock.now(), patience);
  const fill = () => fillPlace(session.place, session.look as never, session.shown, 60);
  await fill();
  return {
    session,
    keys: async (...keys) => {
      for (const key of keys) if ((await press(session, key, key, 10)) !== 'draw') await fill();
    },
  };
}

function framesOf(session: Session): string[] {
  const { look, place, shown } = session;
  assert.ok(look !== undefined);
  const all: string[] = [];
  for (const colours of [coloursOf(false), coloursOf(true)])
    for (const columns of [60, 80, 100])
      for (const rows of [6, 20, 30]) {
        const footer = footerOf(session, columns);
        const lines = frameLines({
          look,
          place,
          view: shown.view,
          footer,
          note: 'frozen',
          columns,
          rows,
          colours,
        });
        assert.equal(lines.length, rows);
        for (const one of lines) {
          assert.ok(widthOf(one) <= columns, `${columns}: ${widthOf(one)} ${one}`);
          // Nothing of a job may be obeyed; only the screen's own colours are there.
          assert.ok(!one.includes('\u001b[31m日'), one);
        }
        all.push(lines.join('\n'));
      }
  return all;
}

test('no line of any place is wider than the screen, and no frame is higher', async (t) => {
  const { session, keys } = await openSession(t);
  for (const key of ['1', '2', '3', '4', '5', '6']) {
    await keys(key);
    framesOf(session);
    await keys('G');
    framesOf(session);
    await keys('return');
    framesOf(session);
    if (session.place.kind === 'jobs') await keys('return');
    framesOf(session);
  }
  await keys('?');
  framesOf(session);
  await keys('4', ' ', ' ', 'r');
  framesOf(session);
  await keys('n', '/');
  framesOf(session);
  await keys(...LONG, 'return');
  assert.match(framesOf(session)[0] ?? '', /with "日本語/);
});

test('a question, a message and a trouble take the last line, in this order', async (t) => {
  const { session } = await openSession(t);
  const last = (): string => framesOf(session)[0]?.split('\n').at(-1) ?? '';
  assert.match(last(), /^1-6 views/);
  session.trouble = `the disk is gone\n${LONG}`;
  assert.match(last(), /^✗ the disk is gone\\n/);
  session.message = 'pending again: 3 jobs';
  assert.equal(last(), 'pending again: 3 jobs');
  session.question = { text: 'retry 3 jobs? y/n', yes: async () => {} };
  assert.equal(last(), 'retry 3 jobs? y/n');
  session.input = 'x'.repeat(200);
  assert.ok(last().endsWith('x▏'), last());
});

test('the rows on the screen always have the chosen one, and a row that goes leaves the choice in its place', () => {
  const rows = (ids: string[]) => ({
    size: ids.length,
    idAt: (i: number) => ids[i],
    indexOf: (id: string) => ids.indexOf(id),
  });
  const selection = new Selection();
  const abc = rows([...'abcdefghij']);
  selection.moveTo(5, abc);
  selection.scroll(3, 10);
  assert.deepEqual([selection.index, selection.first], [5, 3]);
  selection.moveTo(4, abc);
  selection.scroll(3, 10);
  const more = rows([...'xyabcdefghij']);
  selection.follow(more);
  selection.scroll(3, 12);
  assert.deepEqual([selection.index, selection.first], [6, 5]);
  const without = rows([...'xyabcdfghij']);
  selection.follow(without);
  assert.deepEqual([selection.index, without.idAt(selection.index)], [6, 'f']);
  selection.follow(rows([]));
  assert.equal(selection.index, 0);
});

test('a text is folded at the width of its characters, with its spaces', () => {
  assert.deepEqual(fold('  ab  日本語', 6), ['  ab  ', '日本語']);
  assert.deepEqual(fold('日本語', 3), ['日', '本', '語']);
  assert.deepEqual(fold('', 3), ['']);
});
