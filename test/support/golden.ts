import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './folders.js';

/** Compares a text with the file of this name in test/golden/; with GOLDEN=write, it writes the file. */
export function isGolden(name: string, text: string): void {
  const path = join(root, 'test/golden', name);
  if (process.env.GOLDEN === 'write') writeFileSync(path, text);
  assert.equal(text, readFileSync(path, 'utf8'));
}
