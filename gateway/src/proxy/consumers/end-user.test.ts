import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHmac } from 'node:crypto';
import type { Snapshot } from '#model/snapshot.ts';
import { callerOf, exchangeOf, snapshotOf, subscriptionWith } from '../../../test/support/exchanges.ts';
import { withEndUser } from './end-user.ts';

const key = 'a-key-of-the-tests-0123456789-0123456789';
const hashOf = (id: string): string => createHmac('sha256', key).update(id).digest('hex').slice(0, 32);

const caller = callerOf(subscriptionWith({}));

function endUserOf(body: object, headers = {}, endUsers: Snapshot['endUsers'] = { key, header: 'x-end-user' }) {
  return withEndUser(caller, exchangeOf(body, { headers, snapshot: snapshotOf({ endUsers }) })).chargedTo.endUser;
}

for (const [what, body, headers, id] of [
  ['the header of the configuration first', { safety_identifier: 'b', user: 'c' }, { 'x-end-user': 'a' }, 'a'],
  ['then safety_identifier', { safety_identifier: 'b', user: 'c' }, {}, 'b'],
  ['then user', { user: 'c' }, {}, 'c'],
  ['what is no text is no name', { safety_identifier: 7, user: 'c' }, { 'x-end-user': ['a', 'b'] }, 'c'],
  ['nor is nothing', { safety_identifier: '', user: ' ' }, { 'x-end-user': '' }, null],
  ['nor what is too long', { user: 'x'.repeat(513) }, {}, null],
  ['letters that are not ASCII', { user: 'Zoë' }, {}, 'Zoë'],
  ['nobody', {}, {}, null],
] as const) {
  test(`names an end user: ${what}`, () => {
    assert.equal(endUserOf(body, headers), id === null ? null : hashOf(id));
  });
}

test('without a key nothing of end users is kept, and another key makes strangers of them', () => {
  assert.equal(endUserOf({ user: 'c' }, {}, null), null);
  assert.notEqual(endUserOf({ user: 'c' }, {}, { key: `${key}2`, header: null }), hashOf('c'));
  assert.equal(endUserOf({}, { 'x-end-user': 'a' }, { key, header: null }), null);
});

test('an end user of a caller is one value, also when very many have come meanwhile', () => {
  const of = (user: string) =>
    withEndUser(caller, exchangeOf({ user }, { snapshot: snapshotOf({ endUsers: { key, header: null } }) }));
  const first = of('one').chargedTo;
  assert.equal(of('one').chargedTo, first);
  for (let count = 0; count < 10_001; count += 1) of(`user-${count}`);
  assert.deepEqual(of('one').chargedTo, first);
  assert.equal(of('one').subscription, caller.subscription);
});
