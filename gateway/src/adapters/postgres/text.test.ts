import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { sql } from 'kysely';
import { newDatabase } from '../../../test/support/postgres-database.ts';
import { orSkip } from '../../../test/support/postgres-server.ts';
import { ledgerLinesText } from '#model/cost-lines.ts';
import { arrayText, fromStored, linesFromStored, linesToStored, toStored } from './text.ts';

/** Every kind of code unit, halves of surrogate pairs and control characters among them. */
const anyText = fc.string({
  unit: fc.oneof(
    fc.constantFrom('\0', '\u001B', '\\', '"', '{', ',', 'u0000', '\uD800', '\uDC00', 'é', '😀', '0', 'NULL', ' '),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  ),
});

test('a text that PostgreSQL can hold is left as it is', () => {
  for (const text of ['', 'gpt-5.4-mini', 'émoji 😀 "quoted" \\ \u0001\u007F', '\\u0000']) {
    assert.equal(toStored(text), text);
    assert.equal(fromStored(text), text);
  }
});

test('any text comes back as it was, and is well-formed and free of NUL in between', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const stored = toStored(text);
      assert.ok(stored.isWellFormed() && !stored.includes('\0'));
      assert.equal(fromStored(stored), text);
    }),
  );
});

test('cost lines of any words come back as they were', () => {
  fc.assert(
    fc.property(anyText, anyText, (meter, priceId) => {
      const text = ledgerLinesText([{ layer: 'list', meter, units: -1, priceId, nanoUsd: -2n, standing: 3 }]);
      assert.equal(linesFromStored(linesToStored(text)), text);
    }),
  );
});

describe('in PostgreSQL', orSkip, () => {
  test('texts, and the strings inside JSON, come back as they were, singly and in arrays', async (context) => {
    const { database } = await newDatabase(context);
    const texts = fc.sample(anyText, { numRuns: 300, seed: 1 });
    const array = arrayText(texts.map(toStored));
    const lines = texts.map((meter) =>
      linesToStored(ledgerLinesText([{ layer: 'list', meter, units: 1, priceId: '', nanoUsd: 1n, standing: 0 }])),
    );
    const { rows } = await sql<{ one: string; meter: string }>`
      select one, line::json -> 0 ->> 1 as meter
      from unnest(${array}::text[], ${arrayText(lines)}::text[]) with ordinality as given (one, line, position)
      order by position`.execute(database.kysely);
    assert.deepEqual(
      rows.map((row) => fromStored(row.one)),
      texts,
    );
    assert.deepEqual(
      rows.map((row) => fromStored(row.meter)),
      texts,
    );
  });

  test('numbers of 64 bits and missing values stand in arrays too', async (context) => {
    const { database } = await newDatabase(context);
    const array = arrayText([9_223_372_036_854_775_807n, null, -1]);
    const { rows } = await sql`select array_to_json(${array}::bigint[])::text as found`.execute(database.kysely);
    assert.deepEqual(rows, [{ found: '[9223372036854775807,null,-1]' }]);
  });
});
