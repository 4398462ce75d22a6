import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { z } from 'zod';
import type { JsonObject } from '#kernel/json.ts';
import { seededRandom } from '#kernel/random.ts';
import { valueFor } from './values.ts';

const schemas: Readonly<Record<string, JsonObject>> = {
  'a flat object': {
    type: 'object',
    properties: { city: { type: 'string' }, days: { type: 'integer', minimum: 1, maximum: 7 } },
    required: ['city', 'days'],
    additionalProperties: false,
  },
  'enums and constants': {
    type: 'object',
    properties: { unit: { enum: ['celsius', 'fahrenheit'] }, version: { const: 3 } },
    required: ['unit', 'version'],
    additionalProperties: false,
  },
  'nested arrays': {
    type: 'object',
    properties: {
      rows: { type: 'array', items: { type: 'array', items: { type: 'number' } }, minItems: 2, maxItems: 4 },
    },
    required: ['rows'],
  },
  'alternatives with null': { anyOf: [{ type: 'null' }, { type: 'object', properties: { a: { type: 'boolean' } } }] },
  'lengths and bounds': {
    type: 'object',
    properties: {
      name: { type: 'string', minLength: 20, maxLength: 30 },
      share: { type: 'number', exclusiveMinimum: 0, maximum: 1 },
      step: { type: 'integer', multipleOf: 5, minimum: 11 },
    },
    required: ['name', 'share', 'step'],
  },
};

void suite('values for a schema', () => {
  for (const [name, schema] of Object.entries(schemas)) {
    test(`fit: ${name}`, () => {
      const checker = z.fromJSONSchema(z.json().parse(schema) as never);
      for (let seed = 0; seed < 50; seed += 1) {
        const value = valueFor(schema, seededRandom(seed));
        const checked = checker.safeParse(value);
        assert.ok(checked.success, `${JSON.stringify(value)}: ${checked.error?.message}`);
      }
    });
  }

  test('end where a schema refers to itself', () => {
    const node: JsonObject = {
      type: 'object',
      properties: {
        label: { type: 'string' },
        children: { type: 'array', items: { $ref: '#/$defs/node' }, minItems: 1 },
      },
      required: ['label'],
    };
    const value = valueFor({ $ref: '#/$defs/node', $defs: { node } }, seededRandom(3));
    assert.ok(JSON.stringify(value).length < 20_000);
  });

  test('merge allOf', () => {
    const schema = {
      allOf: [
        { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'] },
        { properties: { b: { type: 'boolean' } }, required: ['b'] },
      ],
    };
    assert.deepEqual(Object.keys(valueFor(schema, seededRandom(1)) ?? {}), ['a', 'b']);
  });
});
