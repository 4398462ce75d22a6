import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { OpenAttempts } from './open-attempts.ts';
import { openedAttempt, usageRecord } from '../../../test/support/records.ts';

test('behaves as an ordered map would, whatever is added and deleted', () => {
  // Few letters, so that ids share buckets.
  const id = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 9 });
  const steps = fc.array(fc.tuple(fc.boolean(), id), { maxLength: 200 });
  fc.assert(
    fc.property(steps, (all) => {
      const attempts = new OpenAttempts();
      const reference = new Map<string, string>();
      for (const [adds, name] of all) {
        if (adds && !reference.has(name)) {
          reference.set(name, `text of ${name}`);
          attempts.add(openedAttempt(usageRecord(name)), `text of ${name}`, { at: undefined });
        } else if (!adds) {
          reference.delete(name);
          attempts.delete(name);
        }
        assert.equal(attempts.size, reference.size);
        assert.equal(attempts.get(name)?.text, reference.get(name));
        assert.equal(attempts.oldest?.attempt.id, reference.keys().next().value);
      }
      for (const [name, text] of reference) assert.equal(attempts.get(name)?.text, text);
    }),
    { numRuns: 300 },
  );
});

test('holds many more than it was made for', () => {
  const attempts = new OpenAttempts();
  const ids = Array.from({ length: 10_000 }, (_, at) => `attempt-${at}`);
  for (const id of ids) attempts.add(openedAttempt(usageRecord(id)), id, { at: undefined });
  assert.equal(attempts.size, ids.length);
  for (const id of ids) assert.equal(attempts.get(id)?.text, id);
  for (const id of ids) {
    assert.equal(attempts.oldest?.attempt.id, id);
    attempts.delete(id);
  }
  assert.equal(attempts.size, 0);
  assert.equal(attempts.oldest, undefined);
});
