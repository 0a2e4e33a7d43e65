import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setEnvironment } from '../support/environment.js';
import { temporaryFolder } from '../support/folders.js';
import { startWorker } from './worker-process.js';

/*
 * The variables of the handlers that come with the worker script are checked before it looks for jobs.
 */

const SECRET = 's3cret';

for (const [url, part] of [
  ['mail.example.com', /must begin with smtp/],
  ['mail.example.com:587', /must begin with smtp/],
  [`user:${SECRET}@mail.example.com`, /must begin with smtp/],
  ['smtp:mail.example.com', /must begin with smtp/],
  [`http://user:${SECRET}@mail.example.com`, /must begin with smtp/],
  [`${SECRET}://mail.example.com`, /must begin with smtp/],
  ['smtp://', /no host/],
  ['smtps://:465', /no host/],
  [`smtps://user:${SECRET}@`, /no host/],
  [`smtps://user:${SECRET}@mail example.com`, /host that is/],
  [`smtps://user:${SECRET}@[::1`, /host that is/],
  [`smtps://user:${SECRET}@mail.example.com:0`, /port/],
  [`smtps://user:${SECRET}@mail.example.com:70000`, /port/],
  [`smtps://user:${SECRET}@mail.example.com:smtp`, /port/],
  [`smtps://user:${SECRET}`, /port/],
  [`smtps://user:${SECRET}/x@mail.example.com`, /%2F %3F %23/],
  [`smtps://user:${SECRET}?x@mail.example.com`, /%2F %3F %23/],
  [`smtps://user:12#${SECRET}@mail.example.com`, /%2F %3F %23/],
  [`smtps://user:${SECRET}%x@mail.example.com`, /write %25/],
  [`smtps://user:${SECRET}%ff@mail.example.com`, /write %25/],
  [`smtps://${SECRET}@mail.example.com`, /without a password/],
  [`smtps://:${SECRET}@mail.example.com`, /without a user name/],
  ['smtps://mail.example.com/inbox', /path/],
  ['smtps://mail.example.com#x', /# part/],
  ['smtps://mail.example.com?securee=true', /an unknown option; the options are secure,/],
  ['smtps://mail.example.com?disableFileAccess=false', /an unknown option/],
  [`smtps://mail.example.com?${SECRET}=1`, /an unknown option/],
  ['smtps://mail.example.com?ignoreTLS=yes', /ignoreTLS.*true or false/],
  ['smtps://mail.example.com?socketTimeout=5s', /socketTimeout.*milliseconds/],
] as const)
  test(`SMTP_URL=${url} ends the worker with 2, and the part is named`, async (t) => {
    const { checkEnvironment } = await import('../../workers/handlers/environment.js');
    setEnvironment(t, { SMTP_URL: url });
    assert.throws(checkEnvironment, (error: Error & { code: string }) => {
      assert.equal(error.code, 'INVALID_ARGUMENT');
      assert.match(error.message, /^SMTP_URL /);
      assert.match(error.message, part);
      assert.doesNotMatch(error.message, new RegExp(SECRET));
      return true;
    });
  });

for (const url of [
  'smtp://localhost',
  'smtp://mail_server:25/',
  'SMTP://127.0.0.1:2525',
  'smtp://[::1]:25',
  'smtps://user:p%40ss%2Fw%C3%B6rd@smtp.example.com:465',
  'smtps://app@example.org:p@ss:word@smtp.example.com',
  'smtps://user:password@größe.example/?pool=true&tls.rejectUnauthorized=false&name=me.example.org',
  'smtp://localhost?ignoreTLS=true&connectionTimeout=5000',
  ' smtp://localhost\n',
  '',
])
  test(`SMTP_URL=${JSON.stringify(url)} is accepted`, async (t) => {
    const { checkEnvironment } = await import('../../workers/handlers/environment.js');
    setEnvironment(t, { SMTP_URL: url });
    checkEnvironment();
  });

test('a variable that can not be used ends the worker script with 2 before it looks for jobs', async (t) => {
  const file = join(temporaryFolder(t), 'queue.tsv');
  const url = `smtps://user:${SECRET}@mail.example.com:x`;
  for (const [env, said] of [
    [{ SMTP_URL: url }, /^queue_worker: SMTP_URL has a port .*\n$/],
    [{ SEND_EMAIL_TIMEOUT: '60' }, /^queue_worker: SEND_EMAIL_TIMEOUT is "60"; .*: 60s\n$/],
    [{ WEBHOOK_TIMEOUT: '5000' }, /^queue_worker: WEBHOOK_TIMEOUT is "5000"; .*: 5000ms\n$/],
    [{ WEBHOOK_TIMEOUT: 'soon' }, /^queue_worker: WEBHOOK_TIMEOUT is "soon"; .*: 30s\n$/],
    [{ WEBHOOK_CONCURRENCY: '0' }, /^queue_worker: WEBHOOK_CONCURRENCY is "0"; .* at least 1, in digits\n$/],
    [{ EMAIL_CONCURRENCY: 'all' }, /^queue_worker: EMAIL_CONCURRENCY is "all"; .*\n$/],
    [{ MAIL_FROM: 'App' }, /^queue_worker: MAIL_FROM is "App"; .*\n$/],
  ] as const) {
    const { code, stdout, stderr } = await startWorker({ QUEUE_FILE: file, ...env }).ended;
    assert.equal(code, 2, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, said);
    assert.doesNotMatch(stderr, new RegExp(SECRET));
  }
  assert.equal(existsSync(`${file}.tick`), false);
});

for (const limit of ['0s', '-1s', '1e3s', '25h', '1.s', '10 days', 'Infinity', '60 000ms'])
  test(`a time limit of ${limit} is refused`, async (t) => {
    const { checkEnvironment } = await import('../../workers/handlers/environment.js');
    setEnvironment(t, { SEND_EMAIL_TIMEOUT: limit });
    assert.throws(checkEnvironment, { code: 'INVALID_ARGUMENT', message: /^SEND_EMAIL_TIMEOUT is/ });
  });

for (const name of ['EMAIL_CONCURRENCY', 'WEBHOOK_CONCURRENCY']) {
  for (const text of ['', ' 3\n', '12'])
    test(`${name}=${JSON.stringify(text)} is accepted`, async (t) => {
      const { checkEnvironment } = await import('../../workers/handlers/environment.js');
      setEnvironment(t, { [name]: text });
      checkEnvironment();
    });

  for (const text of ['0', '00', '-1', '1.5', '1e3', '0x10', '9'.repeat(20), '2 3', 'Infinity'])
    test(`${name}=${text} is refused`, async (t) => {
      const { checkEnvironment } = await import('../../workers/handlers/environment.js');
      setEnvironment(t, { [name]: text });
      assert.throws(checkEnvironment, { code: 'INVALID_ARGUMENT', message: new RegExp(`^${name} is`) });
    });
}
