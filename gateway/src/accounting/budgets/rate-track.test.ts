import assert from 'node:assert/strict';
import { test } from 'node:test';
import { node, rateOf } from '../../../test/support/spending.ts';
import { RateTrack } from './rate-track.ts';

test('what the store may not have heard is not given back twice, and what is owed is told again', () => {
  const track = new RateTrack(rateOf(node('consumer', 'marketing')), 1, 1000);
  track.giveBack({ amount: 5, takenAt: 10 });
  track.giveBack({ amount: -3, takenAt: 20 });
  const claim = track.claim();
  assert.deepEqual(claim.returned, [
    { amount: 5, takenAt: 10 },
    { amount: -3, takenAt: 20 },
  ]);
  track.unclaim(claim);
  assert.deepEqual(track.claim().returned, [{ amount: -3, takenAt: 20 }]);
  assert.equal(track.dirty, false);
});
