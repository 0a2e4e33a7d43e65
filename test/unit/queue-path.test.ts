/* Which texts name a queue file. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { defaultQueueFile } from '../../lib/default-queue.js';
import { queuePath } from '../../lib/job/checks.js';
import { openQueue } from '../../lib/open-queue.js';
import { throws } from '../support/errors.js';
import { temporaryFolder } from '../support/folders.js';

const ADDRESSES = [
  'redis://localhost:6379',
  'REDIS://localhost',
  'rediss://user:hunter2@cache.example.com:6380/0',
  'redis://:hunter2@cache',
  'redis://:hun/ter2@cache',
  'redis://:hunter2@@cache/1?password=hunter2',
  'redis://cache?password=hunter2@x',
  'redis://cache/?user=a@b&password=hunter2',
  'postgres://app:hunter2@db/queue',
  'jdbc:mysql://db/queue?password=hunter2',
  'mongodb+srv://app:hunter2@db/queue',
  's3://bucket/queue.tsv',
  'http://example.com/queue.tsv',
  'foo.bar+baz://x',
  ' redis://localhost',
  '"redis://localhost"',
  'redis:6379',
  'redis:hunter2@cache',
  'redis:u:hunter2',
  'redis:/u:hunter2@cache',
  'redis://u:hunter2',
  's3:bucket/queue.tsv',
  'gs:bucket',
  'sftp:queue',
  'postgres:queue',
  'postgresql:queue',
  'mysql:queue',
  'mongodb:queue',
  'amqp:queue',
  'https:queue',
  'sqlite:queue.db',
  'file:data/queue.tsv',
];

for (const address of ADDRESSES)
  test(`${address} is refused, without its password`, () => {
    const told = throws(() => openQueue(address), 'INVALID_ARGUMENT', 'the queue file is', 'a path');
    assert.doesNotMatch(told.message, /hun|ter2/);
    assert.match(told.message, new RegExp(address.match(/[a-z]+/i)?.[0] as string));
  });

test('an error names only the host of an address', () => {
  const said = (address: string | URL) =>
    throws(() => queuePath('QUEUE_FILE', address), 'INVALID_ARGUMENT').message.split(',')[0];
  assert.equal(said('redis://u:p@cache:6379/1'), 'QUEUE_FILE is "redis://…@cache:6379/…"');
  assert.equal(said('redis:6379'), 'QUEUE_FILE is "redis:…"');
  assert.equal(said('redis://[::1]:6379'), 'QUEUE_FILE is "redis://[::1]:6379"');
  assert.equal(said(new URL('http://u:p@example.com/q.tsv')), 'QUEUE_FILE is "http://…@example.com/…"');
  assert.equal(said(new URL('data:text')), 'QUEUE_FILE is "data:…"');
});

for (const path of ['"/srv/x.tsv"', "'/srv/x.tsv'", '`x`', ' "x.tsv" ', '""'])
  test(`${path} is refused, because it still has its quotes`, () => {
    throws(() => openQueue(path), 'INVALID_ARGUMENT', 'the queue file is', 'quotes around it');
  });

for (const path of [' ', '\t', ' \n'])
  test(`${JSON.stringify(path)} is refused as blank`, () => {
    throws(() => openQueue(path), 'INVALID_ARGUMENT', 'the queue file is', 'blank');
  });

test('a quote at one end, or within a name, is part of the name', () => {
  for (const path of ['"', '"x', "x'", '"x\'', './"x"', "it's"])
    assert.equal(openQueue(path).file, resolve(path));
});

test('a name with a colon is a file', () => {
  for (const path of [
    'data/a:b.tsv',
    './redis:x',
    'a:b',
    'C:\\data\\queue.tsv',
    'c:/queue.tsv',
    'redis',
    '/x/redis://y',
  ])
    assert.equal(openQueue(path).file, resolve(path));
});

test('a file: URL works as text too', (t) => {
  const file = join(temporaryFolder(t), 'a folder', '100%.tsv');
  const { href } = pathToFileURL(file);
  assert.equal(openQueue(href).file, file);
  throws(
    () => openQueue('file://host/queue.tsv'),
    'INVALID_ARGUMENT',
    'the queue file is file://host/queue.tsv: ',
  );
});

test('an error names a file: URL of another computer without its password', () => {
  const { message } = throws(() => openQueue('file://u:hunter2@host/queue.tsv'), 'INVALID_ARGUMENT');
  assert.doesNotMatch(message, /hunter2/);
});

test('QUEUE_FILE is checked by its name, before it is joined to a folder', (t) => {
  const folder = temporaryFolder(t);
  const before = process.env.QUEUE_FILE;
  t.after(() => {
    if (before === undefined) delete process.env.QUEUE_FILE;
    else process.env.QUEUE_FILE = before;
  });
  process.env.QUEUE_FILE = 'redis://localhost:6379';
  throws(() => defaultQueueFile(folder), 'INVALID_ARGUMENT', 'QUEUE_FILE is "redis://localhost:6379"');
  process.env.QUEUE_FILE = 'file:///srv/queue.tsv';
  assert.equal(defaultQueueFile(folder), '/srv/queue.tsv');
  assert.deepEqual(readdirSync(folder), []);
});
