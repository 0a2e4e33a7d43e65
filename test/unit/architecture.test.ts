/*
 * The rules that docs/design.md names under "Rooms", so that they hold without anybody remembering them.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import ts from 'typescript';
import { root } from '../helpers.js';

/**
 * The rooms of lib/: each may import itself and those before it in this list, no others, and has at most so many lines.
 * The five at the end say what users import.
 */
const ROOMS: readonly (readonly [room: string, mostLines: number])[] = [
  ['job', 1100],
  ['runner', 200],
  ['file/format', 1170],
  ['file/disk', 1150],
  ['file/lock', 650],
  ['file/index', 930],
  ['file/compaction', 1230],
  ['file/commit', 1350],
  ['file/store.ts', 270],
  ['file/doctor', 600],
  ['file/operations', 450],
  ['file/chores', 200],
  ['file/worker', 2300],
  ['queue.ts', 250],
  ['default-queue.ts', 100],
  ['cli', 1900],
  ['index.ts', 50],
  ['testing.ts', 100],
];

const MOST_LINES = 300;

const lib = join(root, 'lib');
const files = readdirSync(lib, { recursive: true, encoding: 'utf8' })
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => file.endsWith('.ts'))
  .sort();
const sources = new Map(files.map((file) => [file, readFileSync(join(lib, file), 'utf8')]));

/** Everything that a file names, types and import() included. */
const specifiers = (file: string): string[] =>
  ts.preProcessFile(sources.get(file) as string, true, true).importedFiles.map(({ fileName }) => fileName);

/** The files of lib/ among them. */
const imports = (file: string): string[] =>
  specifiers(file)
    .filter((name) => name.startsWith('.'))
    .map((name) => join(file, '..', name).replaceAll('\\', '/').replace(/\.js$/, '.ts'));

const roomOf = (file: string): number =>
  ROOMS.findIndex(([room]) => file === room || file.startsWith(`${room}/`));

const linesOf = (file: string): number => (sources.get(file) as string).split('\n').length - 1;

test('every file of lib has its room, and what it imports is there', () => {
  assert.ok(files.length > 40);
  for (const file of files) {
    assert.ok(roomOf(file) >= 0, `lib/${file} is in no room of ${import.meta.filename}`);
    for (const other of imports(file)) assert.ok(sources.has(other), `lib/${file} imports ${other}`);
  }
});

test('imports run one way', () => {
  const ahead = files.flatMap((file) =>
    imports(file)
      .filter((other) => roomOf(other) > roomOf(file))
      .map((other) => `${file} → ${other}`),
  );
  assert.deepEqual(ahead, [], 'a file may import what stands before it in ROOMS, types included');
});

test('no import leads back to where it began, not even for a type', () => {
  const done = new Set<string>();
  const follow = (file: string, path: readonly string[]): void => {
    const circle = path.slice(path.indexOf(file));
    assert.ok(!path.includes(file), `a circle: ${[...circle, file].join(' → ')}`);
    if (done.has(file)) return;
    for (const other of imports(file)) follow(other, [...path, file]);
    done.add(file);
  };
  for (const file of files) follow(file, []);
});

test(`no file of lib has more than ${MOST_LINES} lines`, () => {
  for (const file of files) {
    assert.ok(linesOf(file) <= MOST_LINES, `lib/${file} has ${linesOf(file)} lines; divide it`);
  }
});

test('no room has more lines than its budget', () => {
  for (const [i, [room, most]] of ROOMS.entries()) {
    const own = files.filter((file) => roomOf(file) === i);
    assert.ok(own.length > 0, `${room} is empty`);
    const lines = own.reduce((sum, file) => sum + linesOf(file), 0);
    assert.ok(lines <= most, `lib/${room} has ${lines} lines, of ${most}; make it smaller, or divide it`);
  }
});

test('what lib loads comes with the package', () => {
  const { name, dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    name: string;
    dependencies: Record<string, string>;
  };
  const known = new Set([name, ...Object.keys(dependencies)]);
  for (const file of files) {
    // Of require() only the name of a package; what it gives is checked by the tests that need it.
    const required = [...(sources.get(file) as string).matchAll(/\brequire\('([^']+)'\)/g)].map(
      ([, it]) => it as string,
    );
    for (const specifier of [...specifiers(file), ...required]) {
      if (specifier.startsWith('.') || specifier.startsWith('node:')) continue;
      const [first, second] = specifier.split('/');
      const packageName = first?.startsWith('@') ? `${first}/${second}` : first;
      assert.ok(
        known.has(packageName as string),
        `lib/${file} loads ${specifier}, which is not in dependencies`,
      );
    }
  }
});
