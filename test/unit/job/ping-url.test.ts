import assert from 'node:assert/strict';
import { test } from 'node:test';
import { workerOptionsFrom } from '../../../lib/index.js';
import { resolveWorkerOptions } from '../../../lib/job/options.js';
import { throws } from '../../support/errors.js';

test('QUEUE_PING_URL is an http or https address; an empty one counts as not set', () => {
  for (const url of ['https://hc-ping.com/5f4d', 'http://user:pass@127.0.0.1:8000/ping/key?rid=1']) {
    assert.equal(workerOptionsFrom({ QUEUE_PING_URL: url }).pingUrl?.toString(), url);
    assert.equal(resolveWorkerOptions({ pingUrl: url }).pingUrl?.href, url);
    assert.equal(resolveWorkerOptions({ pingUrl: new URL(url) }).pingUrl?.href, url);
  }
  assert.equal(workerOptionsFrom({ QUEUE_PING_URL: '' }).pingUrl, undefined);
  assert.equal(resolveWorkerOptions({}).pingUrl, undefined);
});

test('an address that can not be pinged is refused at the start, and not shown', () => {
  for (const [value, shown] of [
    ['5f4d-secret', 'a text of 11 characters that is no address'],
    ['hc-ping.com/5f4d-secret', 'a text of 23 characters that is no address'],
    ['ftp://user:secret@hc-ping.com/secret', 'an address that begins with ftp:'],
    ['localhost:8000/secret', 'an address that begins with localhost:'],
    ['', 'a text of 0 characters'],
    [17, 'no address (number)'],
  ] as const) {
    const told = throws(
      () => resolveWorkerOptions({ pingUrl: value as string }),
      'INVALID_ARGUMENT',
      `pingUrl is ${shown}`,
      'begin with https:// or http://',
    );
    assert.doesNotMatch(String(told), /secret[^)]*;.*@|5f4d|user/);
  }
  throws(
    () => workerOptionsFrom({ QUEUE_PING_URL: 'nothing' }),
    'INVALID_ARGUMENT',
    'QUEUE_PING_URL is a text',
  );
});
