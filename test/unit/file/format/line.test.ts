import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Layout, newLayout, parseHeader } from '../../../../lib/file/format/layout.js';
import { eachLine, LineReader, LONGEST_ROW } from '../../../../lib/file/format/line.js';
import { STATUSES } from '../../../../lib/job/job.js';
import { line, NINE } from '../../../support/queue-file.js';

function kindOf(text: string, layout: Layout = newLayout()): string {
  // In the midst of other bytes: a reader that looks beyond the line's ends would say otherwise.
  const bytes = Buffer.from(`\t\0${text}\n\t\tpending\t`);
  return new LineReader(layout).read(bytes, 2, 2 + Buffer.byteLength(text));
}

const row = (fields: Parameters<typeof line>[0] = {}): string => line(fields).slice(0, -1);

test('a row has the columns of the header, a known status and a version', () => {
  for (const status of STATUSES) assert.equal(kindOf(row({ status })), 'row', status);
});

test('CR and spaces at the end of a line do not count', () => {
  for (const end of ['\r', ' ', '   ', ' \r', '\r\r']) assert.equal(kindOf(row() + end), 'row');
});

test('an id after the beginning of another is not an id', () => {
  const [one, other] = ['0123456789abcdef', 'fedcba9876543210'];
  for (let cut = 1; cut <= 16; cut++)
    assert.equal(kindOf(row({ id: one.slice(0, cut) + other })), 'unreadable', `${cut} digits`);
  for (const id of [one, one.slice(0, 5), `${one}-${other}`, `${one}G`, `${one}${other}0`])
    assert.equal(kindOf(row({ id })), 'row', id);
});

test('any other line is unreadable', () => {
  for (const [why, text] of [
    ['a column too few', row().replace('\t{}', '')],
    ['a column too many', row().replace('{}', '{}\t')],
    ['a NUL', row({ payload: '"\0"' })],
    ['a NUL behind all else', `${row()}\0`],
    ['an unknown status', row({ status: 'running' })],
    ['a status with capitals', row({ status: 'Pending' })],
    ['no status', row({ status: '' })],
    ['no version', row({ version: '' })],
    ['a version that is no number', row({ version: 'x' })],
    ['a negative version', row({ version: '-1' })],
    ['a fractional version', row({ version: '1.5' })],
    ['a version that no number can hold', row({ version: '9'.repeat(16) })],
    ['no id', row({ id: '' })],
    ['one word', 'hello'],
    ['only tabs', '\t'.repeat(19)],
  ] as const) {
    assert.equal(kindOf(text), 'unreadable', why);
  }
});

test('a line of white space is blank', () => {
  for (const text of ['', ' ', '\r', '  \r']) assert.equal(kindOf(text), 'blank');
});

test('a line that begins with # is a comment, or a row that was struck out', () => {
  for (const text of [
    '#',
    '# see the manual',
    `#${row().slice(1)}`,
    `# ${row()}`,
    `#${row({ status: '' }).slice(1)}`,
  ]) {
    assert.equal(kindOf(text), 'comment', text);
  }
  assert.equal(kindOf(`#${row({ status: '-------' }).slice(1)}`), 'struck');
  assert.equal(kindOf(`#${row({ status: '---' }).slice(1)}\r`), 'struck');
});

test('a row is struck although power loss kept only a part of the strike', () => {
  for (const status of ['-------', 'pendin-', 'pend---', '---ding', '----------', 'complete-', 'f-----']) {
    assert.equal(kindOf(row({ status })), 'struck', status);
    assert.equal(kindOf(`#${row({ status }).slice(1)}`), 'struck', status);
  }
  for (const status of ['--', '--------', 'pending-', 'p-----t', '-pending']) {
    assert.equal(kindOf(row({ status })), 'unreadable', status);
  }
  // Only the `#`: a person may have written that.
  assert.equal(kindOf(`#${row().slice(1)}`), 'comment');
});

test('a fragment that was closed as torn is not a row, even with all its columns', () => {
  assert.equal(kindOf('00\t#torn'), 'torn');
  assert.equal(kindOf('\t#torn'), 'torn');
  assert.equal(kindOf(`${row({ version: '' })}#torn`), 'torn');
  assert.equal(kindOf('00\0\0\0\t#torn'), 'torn');
});

test('a file without versions has rows of version 0', () => {
  const layout = parseHeader(NINE, 'q.tsv');
  const reader = new LineReader(layout);
  const bytes = Buffer.from('a1\temail\t{"a": 1}\tprocessing\t1.5\t2\t1\tbad \\ luck\t');
  assert.equal(reader.read(bytes, 0, bytes.length), 'row');
  assert.equal(reader.version, 0);
  assert.equal(reader.status, 'processing');
  assert.equal(reader.number(layout.at.created_at, 0), 1.5);
  assert.equal(reader.number(layout.at.version, 7), 7);
});

test('fields are found whatever the others hold', () => {
  const { at } = newLayout();
  fc.assert(
    fc.property(fc.jsonValue(), fc.nat(), fc.constantFrom(...STATUSES), (payload, version, status) => {
      const bytes = Buffer.from(
        row({ payload: JSON.stringify(payload), version, status, locked_by: 'me', result: '"é"' }),
      );
      const reader = new LineReader(newLayout());
      assert.equal(reader.read(bytes, 0, bytes.length), 'row');
      assert.equal(reader.status, status);
      assert.equal(reader.version, version);
      assert.equal(reader.field(at.locked_by), 'me');
      assert.equal(bytes.toString('utf8', ...reader.span(at.payload)), JSON.stringify(payload));
      assert.equal(bytes.toString('utf8', ...reader.span(at.result)), '"é"');
    }),
  );
});

test('a TAB or NUL is found at every place, after any byte, and no other byte is taken for one', () => {
  const layout = newLayout();
  const reader = new LineReader(layout);
  const [before, after] = row({ payload: '"@"' }).split('@') as [string, string];
  for (const around of [1, 10, 11, 0x7f, 0x80, 0xff]) {
    for (let shift = 0; shift < 4; shift++) {
      for (let place = 0; place < 12; place++) {
        for (let byte = 0; byte < 256; byte++) {
          const field = Buffer.alloc(12, around);
          field[place] = byte;
          const bytes = Buffer.concat([Buffer.alloc(shift), Buffer.from(before), field, Buffer.from(after)]);
          const kind = reader.read(bytes, shift, bytes.length);
          const where = `${byte} at ${place} among ${around}, shifted by ${shift}`;
          assert.equal(kind, byte === 9 || byte === 0 ? 'unreadable' : 'row', where);
          if (kind === 'row') assert.equal(reader.to(layout.at.payload), shift + before.length + 13, where);
        }
      }
    }
  }
});

test('a last field of any length ends with its line, whatever follows', () => {
  const layout = newLayout();
  const reader = new LineReader(layout);
  for (let shift = 0; shift < 4; shift++) {
    for (let digits = 1; digits <= 15; digits++) {
      const text = row({ version: Number('9'.repeat(digits)) });
      for (const behind of ['', '\n', '\n1234567', '\t\t\t\t\t']) {
        const bytes = Buffer.from('x'.repeat(shift) + text + behind);
        const where = `${digits} digits before ${JSON.stringify(behind)}, shifted by ${shift}`;
        assert.equal(reader.read(bytes, shift, shift + text.length), 'row', where);
        assert.equal(reader.version, Number('9'.repeat(digits)), where);
      }
    }
  }
});

test('a malformed number counts as missing', () => {
  const { at } = newLayout();
  const bytes = Buffer.from(row({ run_at: 'soon', priority: '', timeout: 'Infinity', attempts: '007' }));
  const reader = new LineReader(newLayout());
  reader.read(bytes, 0, bytes.length);
  assert.equal(reader.number(at.run_at, 5), 5);
  assert.equal(reader.number(at.priority, 5), 5);
  assert.equal(reader.number(at.timeout, 5), 5);
  assert.equal(reader.number(at.attempts, 5), 7);
});

test('lines are read one by one, and a part without LF is left', () => {
  const bytes = Buffer.from('ab\n\ncd\nrest');
  const lines: string[] = [];
  assert.equal(
    eachLine(bytes, 0, bytes.length, (start, end) => lines.push(bytes.toString('utf8', start, end))),
    7,
  );
  assert.deepEqual(lines, ['ab', '', 'cd']);
  assert.equal(
    eachLine(bytes, 0, 6, () => {}),
    4,
  );
});

test('a line that is too long for a string is unreadable, and one byte less is a row', () => {
  const [before, after] = row({ payload: '"@"' }).split('@') as [string, string];
  const bytes = Buffer.alloc(LONGEST_ROW + 1, 'x');
  bytes.write(before);
  bytes.write(after, bytes.length - after.length);
  const reader = new LineReader(newLayout());
  assert.equal(reader.read(bytes, 0, bytes.length), 'unreadable');
  assert.equal(reader.field(0), '0000000000000001');
  bytes.write(before, 1);
  assert.equal(reader.read(bytes, 1, bytes.length), 'row', 'one byte less');
});
