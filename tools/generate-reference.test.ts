import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { errorDefinitions } from '../contract/src/errors.ts';
import { driftOf, findDrift, generators } from './generate-reference.ts';
import { generateConfigSchema } from './reference/config-schema.ts';
import { generateConfigReference } from './reference/config.ts';
import { generateErrorReference } from './reference/errors.ts';
import { shippedSections, type Schema } from './reference/sections.ts';

suite('drift', () => {
  test('is none where a page is what would be written', () =>
    assert.equal(driftOf('p', 'a\nb\n', 'a\nb\n'), undefined));

  const cases: readonly (readonly [string, string | undefined, string, readonly string[]])[] = [
    ['a page that is not there', undefined, 'a\n', ['it does not exist']],
    ['a line that changed', 'a\nold\nz', 'a\nnew\nz', ['- old', '+ new']],
    ['lines in another order', 'a\nb', 'b\na', ['the same lines in another order']],
    ['many lines', '', '1\n2\n3\n4\n5\n6\n7', ['- ', '+ 1', '+ 2', '+ 3', '+ 4', '+ 5', '+ … 2 more']],
  ];
  for (const [what, committed, generated, summary] of cases) {
    test(`is told for ${what}`, () => assert.deepEqual(driftOf('p', committed, generated), { path: 'p', summary }));
  }

  test('is found in a file', async () => {
    const pages = [{ path: 'LICENSE', generate: () => 'another text\n' }];
    const [drift] = await findDrift(new URL('../', import.meta.url), pages);
    assert.equal(drift?.path, 'LICENSE');
    assert.ok(drift.summary.includes('+ another text'));
  });

  test('there is none in what is committed', async () => {
    assert.deepEqual(await findDrift(new URL('../', import.meta.url), generators), []);
  });
});

/** Every value of a schema that a person may set, with its path. */
function settings(schema: Schema, path = ''): readonly (readonly [string, Schema])[] {
  // A value with a title is one of the shared kinds: a duration, a secret.
  if (schema.title !== undefined && path !== '') return [];
  const named = Object.entries(schema.properties ?? {}).flatMap(([name, inner]): (readonly [string, Schema])[] => [
    [`${path}.${name}`, inner],
    ...settings(inner, `${path}.${name}`),
  ]);
  const any =
    typeof schema.additionalProperties === 'object' ? settings(schema.additionalProperties, `${path}.<name>`) : [];
  const items = schema.items === undefined ? [] : settings(schema.items, `${path}[]`);
  return [...named, ...any, ...items, ...(schema.anyOf ?? []).flatMap((one) => settings(one, path))];
}

function accepts(schema: Schema | undefined, text: string): boolean {
  const alternatives = schema?.anyOf ?? (schema === undefined ? [] : [schema]);
  return alternatives.some(({ type, pattern = '' }) => type === 'string' && new RegExp(pattern).test(text));
}

suite('the reference of the configuration', () => {
  const schema: Schema = JSON.parse(generateConfigSchema());
  const page = generateConfigReference();

  test('says of every setting what it is for', () => {
    const all = settings(schema);
    assert.ok(all.length > 50, String(all.length));
    for (const [path, inner] of all) assert.ok((inner.description ?? '').length > 10, path);
  });

  test('names every setting', () => {
    for (const [path] of settings(schema)) assert.ok(page.includes(`\`${path.slice(1)}\``), path);
  });

  test('has every section', () => {
    for (const section of shippedSections()) assert.ok(page.includes(`## ${section.name}\n`), section.name);
  });

  const editorCases: readonly (readonly [string, string, boolean])[] = [
    ['drainTimeout', '10s', true],
    ['drainTimeout', '${TIMEOUT}', true],
    ['drainTimeout', '${TIMEOUT:-10s}', true],
    ['drainTimeout', '10', false],
    ['drainTimeout', 'ten seconds', false],
    ['port', '60_000', true],
    ['port', '${PORT:-8080}', true],
    ['port', 'eighty', false],
  ];
  for (const [setting, text, taken] of editorCases) {
    test(`lets an editor ${taken ? 'take' : 'mark'} ${setting}: ${text}`, () => {
      assert.equal(accepts(schema.properties?.['listen']?.properties?.[setting], text), taken);
    });
  }

  test('lets an editor take a fraction as the number that it is there', () => {
    const weight = schema.properties?.['models']?.additionalProperties;
    const text = JSON.stringify(weight);
    assert.match(text, /"weight":\{[^}]*"anyOf":\[\{"type":"number"/);
  });
});

function* planesInOrder(): Iterable<string> {
  for (const plane of ['data', 'admin']) {
    for (const [code, definition] of Object.entries(errorDefinitions)) if (definition.plane === plane) yield code;
  }
}

test('the reference of errors has every code once', () => {
  const codes = [...generateErrorReference().matchAll(/^\| `(\w+)` \| \d{3} \|/gm)].map((match) => match[1]);
  assert.deepEqual(codes, [...planesInOrder()]);
});
