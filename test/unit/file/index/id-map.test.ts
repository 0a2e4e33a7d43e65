import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { IdMap } from '../../../../lib/file/index/id-map.js';

/** Few, so that they meet; of every kind that a file may hold. */
const id = fc.oneof(
  fc.bigInt(0n, 40n).map((n) => n.toString(16).padStart(16, '0')),
  fc.bigInt(0n, 40n).map((n) => (n << 32n).toString(16).padStart(16, '0')),
  fc.constantFrom('', 'a', 'AA00000000000001', 'aa0000000000000', 'aa000000000000011', '0x00000000000001'),
  fc.constantFrom(
    'ffffffffffffffff',
    'é000000000000000',
    'g000000000000000',
    '__proto__',
    '-000000000000001',
  ),
);

test('it gives each id its number, as a map would', () => {
  fc.assert(
    fc.property(fc.array(id, { maxLength: 60 }), (ids) => {
      const map = new IdMap();
      const model = new Map<string, number>();
      for (const id of ids) {
        assert.equal(map.get(id), model.get(id));
        if (!model.has(id)) model.set(id, model.size);
        assert.equal(map.numberOf(id), model.get(id));
        assert.equal(map.size, model.size);
      }
      for (const [id, n] of model) assert.equal(map.get(id), n);
    }),
  );
});

test('the map grows, with ids in a row and at random', () => {
  const map = new IdMap();
  const ids = Array.from({ length: 50_000 }, (_, n) =>
    (n % 2 === 0 ? BigInt(n) : BigInt.asUintN(64, BigInt(n) * 0x9e3779b97f4a7c15n))
      .toString(16)
      .padStart(16, '0'),
  );
  for (const [n, id] of ids.entries()) assert.equal(map.numberOf(id), n);
  assert.equal(map.size, ids.length);
  for (const [n, id] of ids.entries()) assert.equal(map.get(id), n);
  assert.equal(map.has('0000000000000001'), false);
});
