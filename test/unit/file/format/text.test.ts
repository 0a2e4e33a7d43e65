import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkName, escapeText, unescapeText } from '../../../../lib/file/format/text.js';
import { STATUSES } from '../../../../lib/job/job.js';
import { throws } from '../../../support/errors.js';

test('text is one field, whatever it holds, and comes back as it was', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const field = escapeText(text);
      assert.doesNotMatch(field, /[\t\n\r\0]/);
      assert.equal(unescapeText(field), text.replaceAll('\0', '\uFFFD'));
    }),
    {
      examples: [
        ['\\t'],
        ['\\\\n\\'],
        ['C:\\temp\\new'],
        ['a\tb\r\nc'],
        ['\\\t\\\n'],
        ['x\nID\tTYPE\t{}\tpending\t0\t0\t0'],
      ],
    },
  );
});

test('a backslash that escapes nothing stays as it is, because a person may have written it', () => {
  assert.equal(unescapeText('50\\% of C:\\Users'), '50\\% of C:\\Users');
  assert.equal(unescapeText('ends with \\'), 'ends with \\');
  const letters: Record<string, string> = { t: '\t', n: '\n', r: '\r', '\\': '\\' };
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('\\', 't', 'n', 'r', 'x') }), (field) => {
      const wanted = field.replace(/\\([tnr\\])/g, (_, letter: string) => letters[letter] as string);
      assert.equal(unescapeText(field), wanted);
    }),
  );
});

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
