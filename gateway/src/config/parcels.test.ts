import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as fc from 'fast-check';
import { Secret } from '#kernel/secret.ts';
import { parcelsOf, Unpacking, type Parcel } from './parcels.ts';

/** What arrives in another thread. */
function sent(value: object) {
  const parcels: Parcel[] = [...parcelsOf(value)].map((parcel) => structuredClone(parcel));
  const sizes = parcels.map(({ members }) => countOf(members.map(([, inner]) => inner)));
  const unpacking = new Unpacking();
  for (const parcel of parcels) unpacking.add(parcel);
  return { sizes, ...unpacking.done() };
}

function countOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce((sum: number, inner) => sum + countOf(inner), 1);
}

/** Every map and list in a value. */
function* containersOf(value: unknown): Generator<object> {
  if (typeof value !== 'object' || value === null) return;
  yield value;
  for (const inner of Object.values(value)) yield* containersOf(inner);
}

suite('a value in parcels', () => {
  test('comes out as it went in: values, types, the order of keys', () => {
    const leaf = fc.oneof(
      fc.string(),
      fc.integer(),
      fc.boolean(),
      fc.bigInt(),
      fc.constant(null),
      fc.constant(undefined),
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { depthSize: 'small' },
        leaf,
        fc.array(tie('tree'), { maxLength: 6 }),
        fc.dictionary(fc.string(), tie('tree'), { maxKeys: 6, noNullPrototype: true }),
      ),
    }));
    fc.assert(
      fc.property(fc.dictionary(fc.string(), tree, { noNullPrototype: true }), (value) => {
        const { value: found } = sent(value);
        assert.deepEqual(found, value);
        assert.deepEqual(Object.keys(found), Object.keys(value));
      }),
    );
  });

  test('is cut where it is large, at any depth, and stays in order', () => {
    const many = Array.from({ length: 5_000 }, (_one, index) => [
      `name-${index}`,
      { parent: 'x', limits: { rates: [index] } },
    ]);
    const value = {
      small: { a: 1 },
      config: { before: [1], costCentres: Object.fromEntries(many), after: { list: many.map(([name]) => name) } },
      last: 'word',
    };
    const { sizes, value: found } = sent(value);
    assert.deepEqual(found, value);
    assert.equal(JSON.stringify(found), JSON.stringify(value), 'keys in the same order');
    assert.ok(Math.max(...sizes) < 2_000, `the largest has ${Math.max(...sizes)} values`);
    assert.ok(sizes.length > 10);
  });

  test('is frozen through and through, empty maps and those that were filled piece by piece included', () => {
    const value = {
      none: {},
      list: [],
      many: Object.fromEntries(Array.from({ length: 4_000 }, (_one, at) => [at, {}])),
    };
    const { value: found } = sent(value);
    assert.ok([...containersOf(found)].every((one) => Object.isFrozen(one)));
  });

  test('keeps its secrets secret, and knows where they stand', () => {
    const key = new Secret({ keyVault: 'https://contoso.vault.azure.net/secrets/key' });
    const inFile = new Secret({ file: 'secret.txt' }, false);
    key.load('of the vault');
    inFile.load('of the file');
    const value = { keys: [new Secret({ text: 'of the environment' }), key], deep: { er: { secret: inFile } } };
    const { value: found, places } = sent(value);
    assert.equal(JSON.stringify(found), '{"keys":["***","***"],"deep":{"er":{"secret":"***"}}}');
    const { keys, deep } = found as typeof value;
    assert.deepEqual(
      [...keys, deep.er.secret].map((one) => [one.reveal(), one.file, one.keyVault, one.mayHaveDefault]),
      [
        ['of the environment', null, null, true],
        ['of the vault', null, 'https://contoso.vault.azure.net/secrets/key', true],
        ['of the file', 'secret.txt', null, false],
      ],
    );
    assert.deepEqual([...places.keyVault], ['https://contoso.vault.azure.net/secrets/key']);
    assert.deepEqual([...places.files], ['secret.txt']);
  });

  test('a key that every object has is a key like others', () => {
    const value = JSON.parse('{"map": {"__proto__": {"constructor": 1}, "toString": 2}}') as object;
    const { value: found } = sent(value);
    assert.equal(JSON.stringify(found), JSON.stringify(value));
  });
});
