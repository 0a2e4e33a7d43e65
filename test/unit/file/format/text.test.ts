import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { escapeText, unescapeText } from '../../../../lib/file/format/text.js';

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
