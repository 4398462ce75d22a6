import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generateKeyPairSync, sign } from 'node:crypto';
import { importSPKI } from 'jose';
import type { TokenTerms } from '#model/token-terms.ts';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import type { SigningKeys } from './signing-keys.ts';
import { EntraTokens } from './token-verifier.ts';

const tenant = '7a0f1c00-0000-4000-8000-000000000001';
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const spki = publicKey.export({ type: 'spki', format: 'pem' });

function termsWith(changes: Partial<TokenTerms> = {}): TokenTerms {
  return {
    proof: 'token',
    authority: 'https://login.example',
    firstIssuer: 'https://sts.example',
    tenants: [tenant],
    audiences: ['api://tollgate'],
    clockSkewMs: 60_000,
    requires: { roles: new Set(), scopes: new Set() },
    rules: [],
    ...changes,
  };
}

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

function setUp() {
  const clock = new ManualClock();
  let lookUps = 0;
  const keys = {
    async find() {
      lookUps += 1;
      return await importSPKI(spki, 'RS256');
    },
  } satisfies Pick<SigningKeys, 'find'>;
  const token = (claims: object = {}): string => {
    const now = clock.now() / 1000;
    const text = `${part({ alg: 'RS256', kid: 'a' })}.${part({
      iss: `https://login.example/${tenant}/v2.0`,
      aud: 'api://tollgate',
      tid: tenant,
      ver: '2.0',
      azp: 'APP',
      exp: now + 3600,
      ...claims,
    })}`;
    return `${text}.${sign('RSA-SHA256', Buffer.from(text), privateKey).toString('base64url')}`;
  };
  return { clock, tokens: new EntraTokens(keys, clock), token, lookUps: () => lookUps };
}

test('a token that was believed is believed at once for five minutes, then its signature is checked again', async () => {
  const { clock, tokens, token, lookUps } = setUp();
  const terms = termsWith();
  const shown = token();
  const first = await tokens.verify(shown, terms);
  clock.advance(299_999);
  assert.equal(tokens.verify(shown, terms), first, 'no promise');
  assert.equal(lookUps(), 1);
  clock.advance(1);
  await tokens.verify(shown, terms);
  assert.equal(lookUps(), 2);
});

test('a token that was believed is refused as soon as it has expired, the difference of clocks allowed for', async () => {
  const { clock, tokens, token } = setUp();
  const terms = termsWith();
  const shown = token({ exp: clock.now() / 1000 + 60 });
  await tokens.verify(shown, terms);
  clock.advance(119_000);
  await tokens.verify(shown, terms);
  clock.advance(1_000);
  await assert.rejects(async () => await tokens.verify(shown, terms), { code: 'invalid_token', message: /expired/ });
});

test('what was believed under other terms is looked at again', async () => {
  const { tokens, token } = setUp();
  const shown = token();
  await tokens.verify(shown, termsWith());
  await assert.rejects(async () => await tokens.verify(shown, termsWith({ audiences: ['api://other'] })), {
    message: /another audience; ask for one for api:\/\/other/,
  });
});

test('a refusal is not remembered: a token that is not valid yet is taken when it is', async () => {
  const { clock, tokens, token } = setUp();
  const terms = termsWith();
  const shown = token({ nbf: clock.now() / 1000 + 120 });
  await assert.rejects(async () => await tokens.verify(shown, terms), { message: /not valid yet/ });
  clock.advance(60_000);
  assert.equal((await tokens.verify(shown, terms)).clientId, 'app');
});

test('a token beyond 16 KiB is refused before anything is made of it', () => {
  const { tokens, token, lookUps } = setUp();
  const shown = token({ padding: 'x'.repeat(16 * 1024) });
  assert.throws(() => tokens.verify(shown, termsWith()), { code: 'invalid_token', message: /longer/ });
  assert.equal(lookUps(), 0);
});
