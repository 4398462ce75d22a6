import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { measuredKinds, operations, outcomes } from '#model/words.ts';
import { EntryDecoder } from './decode-entry.ts';
import { attemptText, openText, settleText } from './encode-entry.ts';
import { openedAttempt, usageRecord } from '../../../test/support/records.ts';

const wordOf = <Word extends string>(words: Readonly<Record<Word, true>>) =>
  fc.constantFrom(...(Object.keys(words) as Word[]));
// Text that looks like a piece of an entry is text all the same.
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(',"outcome":"x"', '],"lines":', ',"finishedAt":1', '],"cost":[', ',"units":[', '\\', '"', '{},{}'),
);
const nullable = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: null });
const amount = nullable(fc.maxSafeNat());
const nano = nullable(fc.bigInt({ min: -(2n ** 63n) + 1n, max: 2n ** 63n - 1n }));
const counts = fc.dictionary(fc.stringMatching(/^[a-z:/_0-9]{1,12}$/), fc.maxSafeNat(), {
  maxKeys: 2,
  noNullPrototype: true,
});

const record = fc
  .record({
    id: text,
    requestId: text,
    attempt: fc.maxSafeNat(),
    at: fc.maxSafeInteger().map((one) => one + 0),
    reservedNano: nano,
    outcome: wordOf(outcomes),
    measuredInput: wordOf(measuredKinds),
    measuredOutput: wordOf(measuredKinds),
    operation: wordOf(operations),
    stream: fc.boolean(),
    requestedModel: text,
    caller: fc.record({ consumer: text, endUser: nullable(text) }),
    servedBy: fc.record({ deployment: text, modelVersion: nullable(text) }),
    units: fc.record({
      input: amount,
      imageInput: amount,
      output: amount,
      seconds: amount,
      toolCalls: counts,
      images: counts,
    }),
    cost: fc.record({
      nanoUsd: nano,
      listNanoUsd: nano,
      internalNanoUsd: nano,
      unpriced: fc.array(text, { maxLength: 2 }),
    }),
    reportedModel: nullable(text),
  })
  .map(({ id, ...changes }) => usageRecord(id, { ...changes, cost: { ...changes.cost, lines: [] } }));

test('whatever a record says comes back from the journal, and so does what its attempt said', () => {
  const decoder = new EntryDecoder();
  fc.assert(
    fc.property(record, (one) => {
      const attempt = openedAttempt(one);
      assert.deepEqual(decoder.decode(openText(attemptText(attempt))), { kind: 'open', attempt });
      const entry = decoder.decode(settleText(one));
      assert.ok(entry.kind === 'settle');
      const { series, lines: _lines, detail, ...rest } = entry.record;
      const { endUser, ...caller } = one.caller;
      assert.deepEqual(rest, {
        id: one.id,
        requestId: one.requestId,
        attempt: one.attempt,
        at: one.at,
        endUser,
        reservedNano: one.reservedNano,
        outcome: one.outcome,
        measuredInput: one.measuredInput,
        measuredOutput: one.measuredOutput,
        units: one.units,
        pricing: one.cost.pricing,
        costNano: one.cost.nanoUsd,
        listNano: one.cost.listNanoUsd,
        internalNano: one.cost.internalNanoUsd,
        unpriced: one.cost.unpriced,
      });
      const { operation, stream, requestedModel, priceBook, servedBy } = one;
      assert.deepEqual(series, { caller, servedBy, operation, stream, requestedModel, priceBook });
      assert.equal((JSON.parse(detail) as { reportedModel: unknown }).reportedModel, one.reportedModel);
    }),
    { numRuns: 300 },
  );
});
