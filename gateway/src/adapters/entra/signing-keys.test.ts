import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { Failure } from '#kernel/errors.ts';
import { silentLog } from '#kernel/log.ts';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { SigningKeys } from './signing-keys.ts';

const id = '7a0f1c00-0000-4000-8000-000000000001';
const hour = 3_600_000;
const { n, e } = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' });
const key = (kid: string, more: object = {}): object => ({ kty: 'RSA', use: 'sig', kid, n, e, ...more });

/** A login service that publishes what the test says, and how often it was asked. */
async function publishing(context: TestContext) {
  const state = { answer: { status: 200, body: JSON.stringify({ keys: [key('a')] }) }, asked: 0 };
  const server = createServer((request, response) => {
    state.asked += 1;
    assert.equal(request.url, `/${id}/discovery/v2.0/keys`);
    response.writeHead(state.answer.status, { location: '/elsewhere' }).end(state.answer.body);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const clock = new ManualClock();
  const keys = new SigningKeys({ clock, log: silentLog });
  const authority = `http://127.0.0.1:${port}`;
  return {
    state,
    clock,
    authority,
    publish: (...list: object[]) => (state.answer = { status: 200, body: JSON.stringify({ keys: list }) }),
    find: async (kid: string): Promise<string> => {
      try {
        await keys.find({ authority, id }, kid);
        return 'found';
      } catch (thrown) {
        assert.ok(thrown instanceof Failure, String(thrown));
        return thrown.code;
      }
    },
  };
}

test('keys are read once for many tokens, and by one reading where many ask at once', async (context) => {
  const entra = await publishing(context);
  const found = await Promise.all(Array.from({ length: 20 }, async () => await entra.find('a')));
  assert.deepEqual(new Set(found), new Set(['found']));
  entra.clock.advance(hour - 1);
  assert.equal(await entra.find('a'), 'found');
  assert.equal(entra.state.asked, 1);
});

test('a key that was published since is found by the first token that names it', async (context) => {
  const entra = await publishing(context);
  await entra.find('a');
  entra.publish(key('b'), key('a'));
  entra.clock.advance(60_000);
  assert.equal(await entra.find('b'), 'found');
  assert.equal(entra.state.asked, 2);
});

test('whoever makes up key ids makes the gateway ask Entra once a minute, and hinders nobody', async (context) => {
  const entra = await publishing(context);
  await entra.find('a');
  entra.clock.advance(60_000);
  for (let made = 0; made < 100; made += 1) assert.equal(await entra.find(`made-up-${made}`), 'invalid_token');
  assert.equal(entra.state.asked, 2);
  assert.equal(await entra.find('a'), 'found');
  entra.clock.advance(60_000);
  await entra.find('made-up');
  assert.equal(entra.state.asked, 3);
});

test('a withdrawn key is trusted until keys are read again, an hour later', async (context) => {
  const entra = await publishing(context);
  await entra.find('a');
  entra.publish(key('b'));
  entra.clock.advance(hour + 1);
  assert.equal(await entra.find('a'), 'found', 'nobody waits for a reading in passing');
  while ((await entra.find('a')) === 'found') await new Promise((resolve) => setImmediate(resolve));
  assert.equal(await entra.find('a'), 'invalid_token');
  assert.equal(entra.state.asked, 2);
});

for (const [what, answer] of [
  ['answers 503', { status: 503, body: '' }],
  ['redirects', { status: 302, body: '' }],
  ['answers nonsense', { status: 200, body: '<html>' }],
  ['publishes no key', { status: 200, body: '{"keys":[]}' }],
] as const)
  test(`where Entra ${what}, known keys hold for a day and unknown ones are not judged`, async (context) => {
    const entra = await publishing(context);
    assert.equal(await entra.find('a'), 'found');
    entra.state.answer = answer;
    entra.clock.advance(23 * hour);
    assert.equal(await entra.find('a'), 'found');
    entra.clock.advance(60_000);
    assert.equal(await entra.find('unknown'), 'token_keys_unavailable');
    entra.clock.advance(hour);
    assert.equal(await entra.find('a'), 'token_keys_unavailable', 'after a day nothing is believed');
    entra.publish(key('a'));
    entra.clock.advance(60_000);
    assert.equal(await entra.find('a'), 'found');
  });

test('where there never were keys, Entra is asked every two seconds, not for every token', async (context) => {
  const entra = await publishing(context);
  entra.state.answer = { status: 500, body: '' };
  for (let token = 0; token < 10; token += 1) assert.equal(await entra.find('a'), 'token_keys_unavailable');
  assert.equal(entra.state.asked, 1);
  entra.publish(key('a'));
  entra.clock.advance(2_000);
  assert.equal(await entra.find('a'), 'found');
});

test('only keys that sign this tenant’s tokens are taken from what is published', async (context) => {
  const entra = await publishing(context);
  entra.publish(
    key('a'),
    key('templated', { issuer: `${entra.authority}/{tenantid}/v2.0` }),
    key('ours', { issuer: `${entra.authority}/${id}/v2.0` }),
    key('of-another-tenant', { issuer: `${entra.authority}/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0` }),
    key('for-encryption', { use: 'enc' }),
    key('for-hmac', { kty: 'oct', k: n }),
    key('of-another-algorithm', { alg: 'RS512' }),
  );
  const all = ['a', 'templated', 'ours', 'of-another-tenant', 'for-encryption', 'for-hmac', 'of-another-algorithm'];
  const found = await Promise.all(all.map(async (kid) => ((await entra.find(kid)) === 'found' ? [kid] : [])));
  assert.deepEqual(found.flat(), ['a', 'templated', 'ours']);
});

test('a key that is malformed, or too short to sign, is none, and takes nothing from those beside it', async (context) => {
  const entra = await publishing(context);
  const short = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' });
  entra.publish(key('broken', { n: '!', e: '@' }), key('short', { n: short.n, e: short.e }), key('a'));
  assert.equal(await entra.find('a'), 'found');
  assert.equal(await entra.find('broken'), 'invalid_token');
  assert.equal(await entra.find('short'), 'invalid_token');
});
