/*
 * The rules that docs/design.md names under "Rooms", and the limits of files and functions. They hold because this
 * test fails otherwise.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { test } from 'node:test';
import ts from 'typescript';
import { root } from '../support/folders.js';

/**
 * The rooms of lib/: each may import itself and those before it in this list, no others, and has at most so many lines.
 * The last ones, from queue.ts on, say what users import.
 */
const ROOMS: readonly (readonly [room: string, mostLines: number])[] = [
  ['job', 3130],
  ['schedule', 390],
  ['runner', 1215],
  ['file/format', 1480],
  ['file/disk', 1310],
  ['file/lock', 790],
  ['file/job-files', 935],
  ['file/index', 1170],
  ['file/joins', 250],
  ['file/compaction', 1660],
  ['file/commit', 1570],
  ['file/ongoing-work.ts', 70],
  ['file/store.ts', 250],
  ['file/watcher.ts', 75],
  ['file/doctor', 790],
  ['file/admission', 840],
  ['file/operations', 2510],
  ['file/relay', 360],
  ['file/moving', 670],
  ['file/schedules', 530],
  ['file/chores', 520],
  ['file/repair', 250],
  ['file/worker', 2945],
  ['file/file-queue.ts', 160],
  ['operator.ts', 150],
  ['schedules.ts', 80],
  ['results.ts', 70],
  ['queue.ts', 250],
  ['open-queue.ts', 65],
  ['default-queue.ts', 125],
  ['outbox', 910],
  ['view', 2585],
  ['web/client', 450],
  ['web', 3900],
  ['cli/screen', 350],
  ['cli/completion', 220],
  ['cli', 8070],
  ['index.ts', 80],
  ['outbox.ts', 15],
  ['testing', 545],
  ['testing.ts', 100],
  ['web.ts', 10],
];

/** What a reader takes in at once: a file, a function from its first line to its last, the parameters of a constructor. */
const LIMITS = { fileLines: 250, functionLines: 60, constructorParameters: 4, testFileLines: 400 };

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

/** A file, or a function in it. */
interface Part {
  readonly name: string;
  readonly lines: number;
}

interface Source extends Part {
  readonly tree: ts.SourceFile;
}

const countLines = (text: string): number => text.split('\n').length - (text.endsWith('\n') ? 1 : 0);

/** All code in a folder of the repository, without what npm has put there. */
function sourcesIn(folder: string): Source[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.[cm]?[jt]s$/.test(path) && !path.split(sep).includes('node_modules'))
    .sort()
    .map((path) => {
      const name = join(folder, path).replaceAll('\\', '/');
      const text = readFileSync(join(root, name), 'utf8');
      return { name, lines: countLines(text), tree: ts.createSourceFile(name, text, ts.ScriptTarget.Latest) };
    });
}

const code = ['lib', 'workers', 'scripts'].flatMap(sourcesIn);

interface Func extends Part {
  readonly node: ts.SignatureDeclaration;
}

/** Every function of a file, also those within others, with the line that it begins in. */
function functionsOf({ name, tree }: Source): Func[] {
  const lineOf = (at: number): number => tree.getLineAndCharacterOfPosition(at).line + 1;
  const found: Func[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node)) {
      // Without its docstring.
      const first = lineOf(node.getStart(tree));
      found.push({ name: `${name}:${first}`, lines: lineOf(node.end) - first + 1, node });
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

const named = ({ name, lines }: Part): string => `${name} has ${lines} lines`;

const roomOf = (file: string): number =>
  ROOMS.findIndex(([room]) => file === room || file.startsWith(`${room}/`));

const linesOf = (file: string): number => countLines(sources.get(file) as string);

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

test(`no file of lib, workers or scripts has more than ${LIMITS.fileLines} lines`, () => {
  const long = code.filter(({ lines }) => lines > LIMITS.fileLines);
  assert.deepEqual(long.map(named), [], 'find the second concept in it, and give it a file');
});

test(`no function of lib, workers or scripts has more than ${LIMITS.functionLines} lines`, () => {
  const long = code.flatMap(functionsOf).filter(({ lines }) => lines > LIMITS.functionLines);
  assert.deepEqual(long.map(named), [], 'find the steps in it, and give them names');
});

test(`no constructor of lib has more than ${LIMITS.constructorParameters} parameters`, () => {
  const wide = code
    .filter(({ name }) => name.startsWith('lib/'))
    .flatMap(functionsOf)
    .filter(({ node }) => ts.isConstructorDeclaration(node))
    .map(({ name, node }) => ({ name, count: node.parameters.length }))
    .filter(({ count }) => count > LIMITS.constructorParameters)
    .map(({ name, count }) => `${name} has ${count} parameters`);
  assert.deepEqual(wide, [], 'find what belongs together, and pass it as one');
});

test(`no test file has more than ${LIMITS.testFileLines} lines`, () => {
  const long = sourcesIn('test').filter(({ lines }) => lines > LIMITS.testFileLines);
  assert.deepEqual(long.map(named), [], 'find the second subject in it, and give it a file');
});

test('no room has more lines than its budget', () => {
  for (const [i, [room, most]] of ROOMS.entries()) {
    const own = files.filter((file) => roomOf(file) === i);
    assert.ok(own.length > 0, `${room} is empty`);
    const lines = own.reduce((sum, file) => sum + linesOf(file), 0);
    assert.ok(lines <= most, `lib/${room} has ${lines} lines, of ${most}; make it smaller, or divide it`);
  }
});

/** Bundled with what they import when the package is built. */
const IN_BROWSERS = 'web/client/script/';

test('what lib loads comes with the package', () => {
  const { name, dependencies, peerDependencies } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  ) as { name: string; dependencies: Record<string, string>; peerDependencies: Record<string, string> };
  // A peer is loaded only if the user asks for what needs it.
  const known = new Set([name, ...Object.keys(dependencies), ...Object.keys(peerDependencies)]);
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
        known.has(packageName as string) || file.startsWith(IN_BROWSERS),
        `lib/${file} loads ${specifier}, which is not in dependencies`,
      );
    }
  }
});
