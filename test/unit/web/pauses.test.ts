import assert from 'node:assert/strict';
import { test } from 'node:test';
import { browse, later } from './browsing.js';

/*
 * Pausing and resuming from the overview.
 */

test('a type is paused in the name of the person, the app is told, and the page says so', async (t) => {
  const { get, post, queue, actions } = browse(t, [later(1, { type: 'a/b & c' })]);
  const { status, location } = await post('/pause', { type: 'a/b & c', act: 'pause' });
  assert.equal(status, 303);
  assert.equal(location, '/admin/queue/?did=pause&n=1');
  assert.deepEqual(
    (await queue.paused()).map(({ type, until, by }) => [type, until, by]),
    [['a/b & c', undefined, 'ann']],
  );
  assert.deepEqual(
    actions.map(({ action, of, changed, user }) => [action, of, changed, user]),
    [['pause', ['a/b & c'], 1, 'ann']],
  );
  const { html, text } = await get('/?did=pause&n=1');
  assert.match(html, /<p class="flash" role="status">/);
  assert.match(text, /Paused: no job of that type starts until it is resumed\./);
  assert.match(text, /a\/b & c paused just now by ann Resume a\/b & c/);
});

test('a type is resumed, and a pause of all types stays', async (t) => {
  const { get, post, queue } = browse(t, [later(1)]);
  await queue.pause('email');
  assert.equal(
    (await post('/pause', { type: 'email', act: 'resume' })).location,
    '/admin/queue/?did=resume&n=1',
  );
  assert.deepEqual(await queue.paused(), []);
  assert.match((await get('/?did=resume&n=1')).text, /Resumed: jobs of that type start again\./);

  await queue.pause();
  const { location } = await post('/pause', { type: 'email', act: 'resume' });
  assert.equal(location, '/admin/queue/?did=resume&n=0');
  const { html, text } = await get('/?did=resume&n=0');
  assert.match(html, /class="flash bad"/);
  assert.match(text, /No job starts: that type was not paused, or all types are\./);
});

test('all types are paused and resumed', async (t) => {
  const { post, queue, actions } = browse(t, [later(1)]);
  assert.equal(
    (await post('/pause', { type: '*', act: 'pause' })).location,
    '/admin/queue/?did=pause-all&n=1',
  );
  assert.equal((await queue.paused())[0]?.type, '*');
  assert.equal(
    (await post('/pause', { type: '*', act: 'resume' })).location,
    '/admin/queue/?did=resume-all&n=1',
  );
  assert.deepEqual(await queue.paused(), []);
  assert.deepEqual(
    actions.map(({ action, of }) => [action, of]),
    [
      ['pause', ['*']],
      ['resume', ['*']],
    ],
  );
});

test('what the queue refuses is shown on the page, and the app is told of nothing', async (t) => {
  const { post, actions } = browse(t);
  const { status, html, text } = await post('/pause', { type: 'email', act: 'pause' });
  assert.equal(status, 409);
  assert.match(html, /class="flash bad"/);
  assert.match(text, /There is no queue file at .*; the first enqueue makes it\./);
  // The address of the form has nothing to show.
  assert.match(html, /data-live="off"/);
  assert.deepEqual(actions, []);
});

test('a form that is not one of the page is refused', async (t) => {
  const { post, queue } = browse(t, [later(1)]);
  for (const fields of [
    { type: 'email' },
    { type: 'email', act: 'toString' },
    { type: '', act: 'pause' },
    {},
  ]) {
    const { status, html } = await post('/pause', fields as Record<string, string>);
    assert.equal(status, 400);
    assert.match(html, /class="flash bad"/);
  }
  assert.deepEqual(await queue.paused(), []);
});

test('who may only look pauses nothing', async (t) => {
  const { post, queue } = browse(t, [later(1)], { access: () => 'read' });
  assert.equal((await post('/pause', { type: 'email', act: 'pause' })).status, 403);
  assert.deepEqual(await queue.paused(), []);
});
