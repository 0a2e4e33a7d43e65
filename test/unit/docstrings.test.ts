/*
 * Users of the package see its docstrings in the editor, so every export has one.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import ts from 'typescript';
import { root } from '../support/folders.js';

const entries = ['lib/index.ts', 'lib/outbox.ts', 'lib/testing.ts', 'lib/web.ts'].map((name) =>
  join(root, name),
);
const program = ts.createProgram(entries, {
  module: ts.ModuleKind.Node16,
  target: ts.ScriptTarget.ES2022,
  types: ['node'],
});
const checker = program.getTypeChecker();

const exported = entries
  .map((entry) => checker.getSymbolAtLocation(program.getSourceFile(entry) as ts.SourceFile) as ts.Symbol)
  .flatMap((module) => checker.getExportsOfModule(module))
  .map((symbol) => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol));

const explained = (symbol: ts.Symbol): boolean => symbol.getDocumentationComment(checker).length > 0;

const membersOf = (name: string): ts.Symbol[] => {
  const symbol = exported.find((other) => other.name === name);
  assert.ok(symbol, `${name} is not exported`);
  return checker.getDeclaredTypeOfSymbol(symbol).getProperties();
};

test('every export of the package has a docstring', () => {
  assert.ok(exported.length > 30);
  assert.deepEqual(
    exported.filter((symbol) => !explained(symbol)).map(({ name }) => name),
    [],
  );
});

for (const name of [
  'Queue',
  'QueueOptions',
  'EnqueueOptions',
  'ListOptions',
  'WorkerOptions',
  'Policy',
  'HandlerWithPolicy',
  'FixedBackoff',
  'PolynomialBackoff',
  'HandlerContext',
  'ContextOverrides',
  'DashboardOptions',
]) {
  test(`every member of ${name} has a docstring`, () => {
    const members = membersOf(name);
    assert.ok(members.length > 1);
    assert.deepEqual(
      members.filter((symbol) => !explained(symbol)).map((symbol) => symbol.name),
      [],
    );
  });
}

test('every function of the package has an example', () => {
  const functions = exported.filter(
    (symbol) => symbol.flags & (ts.SymbolFlags.Function | ts.SymbolFlags.Variable),
  );
  assert.ok(functions.length > 8);
  assert.deepEqual(
    functions
      .filter((symbol) => !symbol.getJsDocTags(checker).some((tag) => tag.name === 'example'))
      .map(({ name }) => name),
    [],
  );
});
