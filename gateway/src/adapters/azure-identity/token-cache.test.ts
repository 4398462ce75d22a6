import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pino } from 'pino';
import { NoToken } from '#proxy/upstream/ports.ts';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { TokenCache, type FreshToken } from './token-cache.ts';

const hour = 3_600_000;

async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/** A source that is answered by the test, call by call. */
function setUp() {
  const clock = new ManualClock();
  const lines: string[] = [];
  const log = pino({ base: null }, { write: (line: string) => void lines.push(line) });
  const asked: { readonly scope: string; readonly answer: PromiseWithResolvers<FreshToken> }[] = [];
  const source = {
    name: 'managed-identity',
    async fetch(scope: string) {
      const answer = Promise.withResolvers<FreshToken>();
      asked.push({ scope, answer });
      return await answer.promise;
    },
  };
  const cache = new TokenCache({ source, clock, log });
  return {
    clock,
    cache,
    asked,
    lines,
    give: async (text: string, lifetimeMs = hour): Promise<void> => {
      asked.at(-1)?.answer.resolve({ text, expiresAt: clock.now() + lifetimeMs });
      await settled();
    },
    refuse: async (): Promise<void> => {
      asked.at(-1)?.answer.reject(new Error('429'));
      await settled();
    },
  };
}

test('many that wait for a token wait for one request, and later ones get it at once', async () => {
  const { cache, asked, give } = setUp();
  const waiting = Promise.all(Array.from({ length: 50 }, async () => await cache.token('s')));
  await give('one');
  assert.deepEqual(new Set(await waiting), new Set(['one']));
  assert.equal(cache.token('s'), 'one', 'no promise');
  assert.equal(asked.length, 1);
});

test('every scope has a token of its own', async () => {
  const { cache, asked } = setUp();
  const both = [Promise.resolve(cache.token('a')), Promise.resolve(cache.token('b'))];
  for (const { scope, answer } of asked) answer.resolve({ text: `for ${scope}`, expiresAt: Number.MAX_SAFE_INTEGER });
  await settled();
  assert.deepEqual(await Promise.all(both), ['for a', 'for b']);
});

test('a token is renewed when a fifth of its time is left, and nobody waits for it', async () => {
  const { cache, clock, asked, give } = setUp();
  const first = cache.token('s');
  await give('one');
  await first;
  clock.advance(0.8 * hour - 1);
  assert.equal(cache.token('s'), 'one');
  assert.equal(asked.length, 1);
  clock.advance(1);
  assert.equal(cache.token('s'), 'one', 'the old one goes on being used');
  assert.equal(cache.token('s'), 'one');
  assert.equal(asked.length, 2, 'one request, however many calls');
  await give('two');
  assert.equal(cache.token('s'), 'two');
});

test('a token service that fails is tolerated until the token ends, asked ever more rarely, and told of once', async () => {
  const { cache, clock, asked, lines, give, refuse } = setUp();
  const first = cache.token('s');
  await give('one');
  await first;
  clock.advance(0.8 * hour);
  const before = asked.length;
  for (let second = 0; second < 600; second += 1) {
    assert.equal(cache.token('s'), 'one');
    await refuse();
    clock.advance(1_000);
  }
  const tries = asked.length - before;
  assert.ok(tries >= 20 && tries <= 26, `${tries} tries in ten minutes`);
  assert.equal(lines.filter((line) => line.includes('no new access token')).length, 1);
  clock.advance(0.2 * hour);
  const rejected = assert.rejects(async () => await cache.token('s'), NoToken);
  await refuse();
  await rejected;
  await assert.rejects(async () => await cache.token('s'), NoToken, 'refused at once while the service is left alone');
  clock.advance(30_000);
  const again = cache.token('s');
  await give('two');
  assert.equal(await again, 'two');
  assert.ok(lines.at(-1)?.includes('can be had again'));
});

test('a token service that does not answer is given up after ten seconds', async () => {
  const { cache, clock } = setUp();
  const waiting = Promise.resolve(cache.token('s'));
  clock.advance(10_000);
  await assert.rejects(waiting, (thrown: unknown) => {
    assert.ok(thrown instanceof NoToken);
    assert.match(String(thrown.cause), /did not answer in time/);
    return true;
  });
});

test('a token that has ended already, by the clock of this machine, is none', async () => {
  const { cache, give } = setUp();
  const rejected = assert.rejects(
    async () => await cache.token('s'),
    (thrown: unknown) => thrown instanceof NoToken && /300 s ago/.test(String(thrown.cause)),
  );
  await give('old', -300_000);
  await rejected;
});

test('a jump of the clock changes nothing about how long a token is good for', async () => {
  const { cache, clock, asked, give } = setUp();
  const first = cache.token('s');
  await give('one');
  await first;
  clock.jump(10 * hour);
  assert.equal(cache.token('s'), 'one');
  assert.equal(asked.length, 1);
});

test('a token that a resource refuses is renewed once in five minutes, by one request', async () => {
  const { cache, clock, asked, give } = setUp();
  const first = cache.token('s');
  await give('one');
  await first;
  const both = [cache.insteadOf('s', 'one'), cache.insteadOf('s', 'one')];
  await give('two');
  assert.deepEqual(await Promise.all(both), ['two', 'two']);
  assert.equal(await cache.insteadOf('s', 'one'), 'two', 'it was renewed since');
  assert.equal(await cache.insteadOf('s', 'two'), undefined);
  assert.equal(asked.length, 2);
  clock.advance(300_000);
  const third = cache.insteadOf('s', 'two');
  await give('three');
  assert.equal(await third, 'three');
});

test('where the source gives the same token again, it is not asked for every call', async () => {
  const { cache, clock, asked, give } = setUp();
  const first = cache.token('s');
  await give('one');
  await first;
  clock.advance(0.8 * hour);
  assert.equal(cache.token('s'), 'one');
  await give('one', 0.2 * hour);
  for (let second = 0; second < 60; second += 1) {
    assert.equal(cache.token('s'), 'one');
    clock.advance(1_000);
  }
  assert.equal(asked.length, 2);
});
