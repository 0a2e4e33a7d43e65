import assert from 'node:assert/strict';
import { test } from 'node:test';
import { STATUSES } from '../../../lib/job/job.js';
import { checkName } from '../../../lib/job/name.js';
import { throws } from '../../support/errors.js';

test('names are stored as they are', () => {
  for (const name of [
    'email',
    'send_email',
    'user.created',
    'a b',
    'größe',
    '報告',
    '__proto__',
    'x'.repeat(200),
    'pending2',
  ]) {
    assert.equal(checkName('type', name), name);
  }
});

test('names that could be taken for something else in the file are refused', () => {
  const bad = [
    '',
    ' email',
    'email ',
    '\uFEFFemail',
    'a\tb',
    'a\nb',
    'a\rb',
    'a\0b',
    'a\x1b[31mb',
    'a\u202eb',
    'a\u200bb',
    'a\u2028b',
    '\ud800',
    '#email',
    'x'.repeat(201),
    ...STATUSES,
  ];
  for (const name of bad) throws(() => checkName('type', name), 'INVALID_ARGUMENT', /^type is "/);
  for (const name of [undefined, null, 5, {}, ['email'], Symbol('email')]) {
    throws(() => checkName('type', name), 'INVALID_ARGUMENT', /^type is /, 'it must be');
  }
});
