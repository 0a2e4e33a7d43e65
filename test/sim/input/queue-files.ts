import fc from 'fast-check';
import { COLUMNS } from '../../../lib/file/format/columns.js';
import { STATUSES } from '../../../lib/job/job.js';
import { COLUMN_NAMES, HEADER, jobId, NINE } from '../../support/queue-file.js';

/*
 * Files that might stand in the place of a queue, as strings of bytes (latin1): valid ones, and then what happens to
 * them.
 */

/** The FakeClock begins here, in seconds. */
const NOW = 1_893_456_000;

const MARK = '# open jobs begin here\n';

const id = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 6 }).map(jobId) },
  fc.constantFrom(
    'by-hand',
    '__proto__',
    'constructor',
    '../../x',
    'gr\xc3\xb6\xc3\x9fe',
    'caf\xe9',
    '\xef\xbb\xbfx',
    'a b',
  ),
);
const number = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom('', '0', '1', '3', '1000', String(NOW), `${NOW}.5`, String(NOW - 1e6)),
  },
  fc.constantFrom(
    '-1',
    '-1e20',
    '1e400',
    'soon',
    '007',
    '1e3',
    ' 5',
    `${NOW + 1e6}`,
    '0x10',
    '9007199254740993',
  ),
);
const version = fc.constantFrom('1', '1', '2', '3', '07', '', '1.5', '-1', 'x', '12345678901234');
const text = fc.constantFrom(
  '',
  'email',
  'report',
  '__proto__',
  '# x',
  'pending',
  '\x1b[2J',
  'a\rb',
  '\xff\xfe',
  '"',
  '\xe2\x80\xa8',
  'id',
);
const json = fc.oneof(
  fc.json().map((value) =>
    Buffer.from(value)
      .toString('latin1')
      .replaceAll(/[\t\n\r]/g, ' '),
  ),
  fc.constantFrom('{}', 'null', '{"__proto__":{"a":1}}', '{"to":', '', '"id\\ttype\\tpayload"'),
);
const followUps = fc.constantFrom(
  '',
  '',
  '',
  '[]',
  '[{"type":"a\\tb\\nc"}]',
  '[{"type":"email"',
  '{"__proto__":[]}',
  '[{"type":"email","payload":"1","createdAt":1,"runAt":1,"priority":0}]',
);
const locked = fc.constantFrom('', 'a.b.c.1.1.x', 'elsewhere.boot.1.2.3.4', '../../etc', '......');
const status = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...STATUSES) },
  fc.constantFrom('', 'Pending', '-------', 'done'),
);

const row = fc.record({
  id,
  type: text.map((name) => name || 'email'),
  payload: json,
  status,
  created_at: number,
  run_at: number,
  attempts: number,
  error: text,
  result: json,
  priority: number,
  max_attempts: number,
  forgiven: number,
  timeout: number,
  locked_by: locked,
  started_at: number,
  finished_at: number,
  follow_ups: followUps,
  version,
  mine: text,
});

const FORMAT = HEADER.slice(COLUMN_NAMES.length);
const header = fc.constantFrom(
  HEADER,
  HEADER,
  HEADER,
  HEADER,
  `\xef\xbb\xbf${HEADER}`,
  `${COLUMN_NAMES}\r${FORMAT}\r`,
  COLUMN_NAMES,
  NINE,
  `${NINE}\tmine`,
  HEADER.replace('\tversion', '\tmine\tversion'),
  `${COLUMN_NAMES}\tmine${FORMAT}`,
  HEADER.replace('\tpriority', ''),
);

const otherLine = fc.constantFrom(
  '',
  '   ',
  '# a note',
  '#',
  'garbage',
  '#duplicate x',
  `${jobId(2)}\tdamaged`,
  `${jobId(3)}\temail\t{"a\t#torn`,
  '\t'.repeat(COLUMNS.length - 1),
  'nul\0nul',
  COLUMN_NAMES,
  '# tsvq format 2',
  '# tsvq format 3',
  '\r',
  '# open jobs begin here',
  '\t#torn',
  `#${jobId(1).slice(1)}`,
);

type Line = { row: Record<string, string> } | { raw: string };

const lineOf = (line: Line, names: readonly string[]): string =>
  'raw' in line ? line.raw : names.map((name) => line.row[name.trim()] ?? '').join('\t');

/** Bytes that a valid file may begin with, and whether it says where its finished jobs end, and how truly. */
const valid = fc
  .record({
    header,
    lines: fc.array(
      fc.oneof(
        { weight: 5, arbitrary: row.map((row): Line => ({ row })) },
        otherLine.map((raw): Line => ({ raw })),
      ),
      { maxLength: 12 },
    ),
    mark: fc.oneof({ weight: 3, arbitrary: fc.constant(-1) }, fc.nat(12)),
    ending: fc.constantFrom('\n', '\n', '\n', '\r\n', ''),
  })
  .map(({ header, lines, mark, ending }) => {
    const [first = ''] = header.split('\n');
    const names = first.replace('\xef\xbb\xbf', '').split('\t');
    const texts = lines.map((line) => `${lineOf(line, names)}\n`);
    if (mark >= 0) {
      const note = (end: number): string =>
        `# finished jobs end at byte ${String(end).padStart(15, '0')}, rows are new from byte ${String(end + mark * 97).padStart(15, '0')}\n`;
      const before = texts.slice(0, mark).join('');
      texts.splice(Math.min(mark, texts.length), 0, MARK);
      texts.unshift(note(header.length + 1 + note(0).length + before.length));
    }
    return `${header}\n${texts.join('')}`.replace(/\n$/, ending);
  });

/** What happens to files. */
const mutation = fc.record({
  how: fc.constantFrom(
    'flip',
    'replace',
    'insert',
    'cut',
    'truncate',
    'drop line',
    'copy line',
    'move line',
    'swap fields',
    'swap columns',
    'long line',
    'header',
    'none',
    'none',
  ),
  at: fc.nat(),
  to: fc.nat(),
  what: fc.constantFrom(
    '\t',
    '\0',
    '\r',
    '\n',
    '#',
    ' ',
    '-',
    '\xff',
    '\xc3',
    '\xef\xbb\xbf',
    '#torn',
    '\t#torn\n',
    'pending',
    '9',
    '1e9',
  ),
});

type Mutation = typeof mutation extends fc.Arbitrary<infer M> ? M : never;

function mutate(text: string, { how, at, to, what }: Mutation): string {
  const place = at % (text.length + 1);
  const splice = (from: number, remove: number, insert: string): string =>
    text.slice(0, from) + insert + text.slice(from + remove);
  if (how === 'flip') {
    const byte = text.charCodeAt(place);
    return Number.isNaN(byte) ? text : splice(place, 1, String.fromCharCode(byte ^ (1 << (to % 8))));
  }
  if (how === 'replace') return splice(place, 1, what);
  if (how === 'insert') return splice(place, 0, what);
  if (how === 'cut') return splice(place, to % 200, '');
  if (how === 'truncate') return text.slice(0, place);
  if (how === 'long line') return splice(place, 0, 'x'.repeat(70_000 + (to % 600_000)));
  if (how === 'header') return splice(at % (text.indexOf('\n') + 1), to % 3, what);
  const lines = text.split('\n');
  const line = at % lines.length;
  if (how === 'drop line') lines.splice(line, 1);
  if (how === 'copy line') lines.splice(to % lines.length, 0, lines[line] as string);
  if (how === 'move line') lines.splice(to % lines.length, 0, ...lines.splice(line, 1));
  const swap = (line: string): string => {
    const fields = line.split('\t');
    const [i, j] = [at % fields.length, to % fields.length];
    [fields[i], fields[j]] = [fields[j] as string, fields[i] as string];
    return fields.join('\t');
  };
  if (how === 'swap fields') lines[line] = swap(lines[line] as string);
  if (how === 'swap columns') return lines.map(swap).join('\n');
  return lines.join('\n');
}

/** Any bytes at all; a queue; a queue that something has happened to. */
export const anyFile: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(header, fc.uint8Array({ maxLength: 300 }))
      .map(([header, bytes]) => `${header}\n${Buffer.from(bytes).toString('latin1')}`),
  },
  {
    weight: 10,
    arbitrary: fc
      .tuple(valid, fc.array(mutation, { maxLength: 5 }))
      .map(([text, mutations]) => mutations.reduce(mutate, text)),
  },
);
