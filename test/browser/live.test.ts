import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { until } from '../support/waiting.js';
import { browserTest, type Visit } from './browser.js';
import { ScriptPage } from './script-page.js';

/*
 * How pages refresh themselves, on a page whose answers the test decides. The browser's clock is the test's.
 */

/** A test of the script. Its time stands still, but for {@link pass}. */
function scriptTest(
  name: string,
  work: (visit: Visit<ScriptPage>) => Promise<void>,
  time: number = Date.now(),
): void {
  browserTest(
    name,
    (t) => ScriptPage.open(t),
    async (visit) => {
      await visit.page.clock.install({ time });
      await visit.page.clock.pauseAt(time + 1000);
      // What the script asks for is known, so that no time passes meanwhile.
      await visit.page.addInitScript(`{
        const real = window.fetch;
        window.fetch = (...args) => {
          const answer = real(...args);
          window.answered = answer.then((one) => one.clone().text()).catch(() => {});
          return answer;
        };
      }`);
      await work(visit);
    },
  );
}

/** Lets so many seconds pass in the browser, and answers come. */
async function pass(page: Page, seconds: number): Promise<void> {
  for (let i = 0; i < seconds; i++) {
    await page.clock.runFor(1000);
    await page.evaluate('window.answered');
  }
}

/** Resolves once the mark says so. */
const says = (page: Page, text: string | RegExp): Promise<void> =>
  page.locator('#live', { hasText: text }).waitFor();

const textOf = (page: Page, selector: string): Promise<string | null> => page.locator(selector).textContent();

scriptTest('a page asks every other second, and shows what has changed', async ({ page, server }) => {
  await page.goto('/');
  await says(page, 'live');
  assert.deepEqual(server.asked, []);
  server.main = '<h1>changed</h1>';
  await pass(page, 2);
  await page.locator('h1', { hasText: 'changed' }).waitFor();
  await page.locator('nav', { hasText: `Errors ${server.main.length}` }).waitFor();
  assert.deepEqual(server.asked, ['']);
  await pass(page, 4);
  assert.equal(server.asked.length, 3);
  for (const etag of server.asked.slice(1)) assert.notEqual(etag, '', 'it names what it has');
});

const isConnected = (element: { isConnected: boolean }): boolean => element.isConnected;

scriptTest(
  'main itself is changed: it keeps its id, and elements in it keep theirs',
  async ({ page, server }) => {
    server.main = '<p id="a">a</p><p id="b">b</p>';
    await page.goto('/');
    const main = await page.locator('#main').elementHandle();
    const b = await page.locator('#b').elementHandle();
    server.main = '<p id="b">b, changed</p><p id="main-too">c</p>';
    await pass(page, 2);
    await page.locator('#b', { hasText: 'changed' }).waitFor();
    assert.equal(await main?.evaluate(isConnected), true);
    assert.equal(await b?.evaluate(isConnected), true);
    assert.equal(await page.locator('main').count(), 1);
  },
);

scriptTest('a page that wants no refreshing gets none', async ({ page, server }) => {
  server.mainAttributes = 'data-live="off"';
  await page.goto('/');
  await page.getByRole('button', { name: 'Keys' }).waitFor();
  await page.clock.runFor(60_000);
  assert.equal(await page.locator('#live').isHidden(), true);
  assert.deepEqual(server.asked, []);
});

const BUSY: readonly (readonly [
  what: string,
  begin: (page: Page) => Promise<unknown>,
  end: (page: Page) => Promise<unknown>,
])[] = [
  ['a box is checked', (page) => page.check('#box'), (page) => page.uncheck('#box')],
  ['a text is typed', (page) => page.fill('#field', 'typed'), (page) => page.fill('#field', 'was')],
  [
    'another choice is made',
    (page) => page.selectOption('#choice', 'c2'),
    (page) => page.selectOption('#choice', 'c1').then(() => page.locator('#choice').blur()),
  ],
  [
    'text is marked',
    (page) => page.locator('#words').selectText(),
    (page) => page.evaluate('getSelection().empty()'),
  ],
  [
    'a button is held down',
    (page) => page.hover('#button').then(() => page.mouse.down()),
    async (page) => {
      await page.mouse.move(0, 0);
      await page.mouse.up();
      await page.locator('#button').blur();
    },
  ],
  ['the pointer is on a button', (page) => page.hover('#button'), (page) => page.mouse.move(0, 0)],
  ['a button has the focus', (page) => page.focus('#button'), (page) => page.locator('#button').blur()],
  ['the help is open', (page) => page.keyboard.press('?'), (page) => page.keyboard.press('Escape')],
];

scriptTest('a page waits while a person is at work on it', async ({ page, server }) => {
  const fields = `<input type="checkbox" id="box"><input id="field" value="was">
    <select id="choice"><option>c1<option>c2</select><p id="words">some words</p><button id="button">Do</button>`;
  server.main = `<h1>0</h1>${fields}`;
  await page.goto('/');
  await says(page, 'live');
  for (const [i, [what, begin, end]] of BUSY.entries()) {
    await begin(page);
    server.main = `<h1>${i + 1}</h1>${fields}`;
    await pass(page, 3);
    await says(page, 'waiting');
    assert.equal(await textOf(page, 'h1'), String(i), what);
    await end(page);
    await pass(page, 2);
    await page.locator('h1', { hasText: String(i + 1) }).waitFor();
    await says(page, 'live');
  }
});

scriptTest('what a person begins while the answer is on its way is kept', async ({ page, server }) => {
  const box = '<input type="checkbox" id="box">';
  server.main = `<h1>one</h1>${box}`;
  await page.goto('/');
  server.main = `<h1>two</h1>${box}`;
  let goOn = (): void => {};
  const held = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  let isAsked = false;
  await page.route('/', async (route) => {
    isAsked = true;
    await held;
    await route.continue();
  });
  await page.clock.runFor(2000);
  await until('the page asks', () => isAsked);
  await page.check('#box');
  goOn();
  await says(page, 'waiting');
  assert.equal(await textOf(page, 'h1'), 'one');
  await page.uncheck('#box');
  await pass(page, 2);
  await page.locator('h1', { hasText: 'two' }).waitFor();
});

scriptTest('a hidden page asks nothing, and at once when it is shown again', async ({ page, server }) => {
  await page.goto('/');
  await says(page, 'live');
  const hide = (isHidden: boolean): Promise<unknown> =>
    page.evaluate(`Object.defineProperty(document, 'hidden', { configurable: true, value: ${isHidden} });
      document.dispatchEvent(new Event('visibilitychange'));`);
  await hide(true);
  server.main = '<h1>changed meanwhile</h1>';
  await page.clock.runFor(600_000);
  assert.deepEqual(server.asked, []);
  await hide(false);
  await page.locator('h1', { hasText: 'meanwhile' }).waitFor();
});

scriptTest(
  'a server that does not answer is asked ever more rarely, and the mark says since when',
  async ({ page, server, expected }) => {
    expected.push(/ERR_CONNECTION_REFUSED/);
    await page.goto('/');
    await says(page, 'live');
    await server.stop();
    let failures = 0;
    page.on('requestfailed', () => failures++);
    for (const [i, seconds] of [2, 4, 8, 16, 32, 60, 60].entries()) {
      await pass(page, seconds - 1);
      assert.equal(failures, i, `a request came within ${seconds} s`);
      await pass(page, 1);
      assert.equal(failures, i + 1);
      await says(page, /offline since 12:00:0\d/);
    }
    server.main = '<h1>back</h1>';
    await server.start();
    await pass(page, 60);
    await says(page, 'live');
    await page.locator('h1', { hasText: 'back' }).waitFor();
    const { length } = server.asked;
    await pass(page, 2);
    assert.equal(server.asked.length, length + 1);
  },
  Date.UTC(2030, 0, 1, 12),
);

scriptTest('an error of the server counts as no answer', async ({ page, server, expected }) => {
  expected.push(/status of 502/);
  await page.goto('/');
  server.status = 502;
  server.main = '<h1>Bad gateway</h1>';
  await pass(page, 2);
  await says(page, 'offline');
  assert.equal(await textOf(page, 'main'), 'one');
});

for (const [status, told] of [
  [302, 'signed out'],
  [401, 'signed out'],
  [403, 'no access'],
] as const)
  scriptTest(
    `a page stops after an answer of ${status}, and says why`,
    async ({ page, server, expected }) => {
      expected.push(/status of 40[13]/);
      await page.goto('/');
      server.status = status;
      server.main = '<h1>Sign in</h1>';
      await pass(page, 2);
      await says(page, told);
      await page.clock.runFor(600_000);
      assert.equal(server.asked.length, 1);
      assert.equal(await textOf(page, 'main'), 'one');
      await says(page, told);
    },
  );

scriptTest('scroll, focus and open folds stay as they are', async ({ page, server }) => {
  const rows = (first: number): string =>
    Array.from(
      { length: 80 },
      (_, i) => `<tr><td><a href="/jobs/${first + i}">job ${first + i}</a></td></tr>`,
    ).join('');
  const body = (first: number): string =>
    `<details><summary>more</summary><p>${first}</p></details><table><tbody>${rows(first)}</tbody></table>`;
  server.main = body(10);
  await page.goto('/');
  await page.click('summary');
  await page.locator('a', { hasText: 'job 60' }).focus();
  const scrolled = await page.evaluate('scrollY');
  assert.ok(Number(scrolled) > 0);
  server.main = body(5);
  await pass(page, 2);
  await page.locator('a', { hasText: /^job 5$/ }).waitFor();
  assert.equal(await page.locator('details p').isVisible(), true);
  assert.equal(await page.evaluate('document.activeElement.textContent'), 'job 60');
  assert.equal(await page.evaluate('scrollY'), scrolled);
});

scriptTest('what was just done stays on the page, and is gone from its address', async ({ page, server }) => {
  server.main = '<p class="flash">pending again: 3 jobs</p><h1>one</h1>';
  await page.goto('/?type=a&did=retry&n=3&left=1');
  await says(page, 'live');
  assert.equal(page.url(), `${server.address}/?type=a`);
  server.main = '<h1>two</h1>';
  await pass(page, 2);
  await page.locator('h1', { hasText: 'two' }).waitFor();
  assert.equal(await textOf(page, 'main'), 'pending again: 3 jobstwo');
});

scriptTest(
  'times go on, by the clock of the server',
  async ({ page, server }) => {
    const time = (rel: string, ms: number): string =>
      `<time data-rel="${rel}" datetime="${new Date(Date.now() + ms).toISOString()}">?</time>`;
    server.main = `${time('ago', -65_000)} | ${time('until', 3_600_000)}`;
    await page.goto('/');
    // The second of them brings the answer, by which the third is told.
    await pass(page, 3);
    await page.locator('main', { hasText: /1m( \d+s)? ago \| in 59m( \d+s)?/ }).waitFor();
  },
  Date.now() + 3_600_000,
);
