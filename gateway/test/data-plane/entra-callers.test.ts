import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { altered, forgersKey, signedByForger, signedWithPublicKey, unsigned } from '../support/forged-tokens.ts';
import { call, configFor, keys, startStack, type Answer, type RunningStack } from '../support/running-gateway.ts';
import { assertNotLogged, linesWith, untilLogged } from '../support/logged.ts';

const first = '7a0f1c00-0000-4000-8000-000000000001';
const second = '7a0f1c00-0000-4000-8000-000000000002';
const stranger = '7a0f1c00-0000-4000-8000-000000000003';
const tollgate = '7a0f1c00-0000-4000-8000-00000000a991';
const marketingApp = '7a0f1c00-0000-4000-8000-00000000ca11';
const financeGroup = '7a0f1c00-0000-4000-8000-00000000f1a0';
const frontIdentity = '7a0f1c00-0000-4000-8000-00000000a913';
const otherApp = '7a0f1c00-0000-4000-8000-00000000ca12';

const entra = (twin: string): string => `
entra:
  authority: ${twin}
  tenants: [${first}, ${second}]
  audiences: ['${tollgate}', 'api://${tollgate}']
  requires: { roles: [Tollgate.Call], scopes: [Tollgate.Call] }
  clockSkew: 5m
  callers:
    - { clientId: ${marketingApp}, subscription: marketing-web }
    - { group: ${financeGroup}, subscription: finance-copilot }
    - { claims: { oid: ${frontIdentity} }, subscriptionHeader: x-tollgate-subscription }
`;

let stack: RunningStack;
const ending: (() => Promise<void> | void)[] = [];

before(async () => {
  stack = await startStack(
    { after: (run) => void ending.push(run as () => void) },
    {
      config: (twin) => configFor(twin) + entra(twin),
      twin: { entra: { tenants: [first, second, stranger] } },
    },
  );
});
after(async () => {
  for (const end of ending.toReversed()) await end();
});

function chat(headers: Record<string, string>): Promise<Answer> {
  return call(`${stack.url}/openai/v1/chat/completions`, {
    headers,
    body: { model: 'gpt-5.4-mini', messages: [{ role: 'user', content: 'Hello' }] },
  });
}

/** The subscription that the log says was charged for it. */
async function chargedFor({ headers }: Answer): Promise<unknown> {
  const id = String(headers['x-request-id']);
  await untilLogged(stack, id);
  const told = linesWith(stack, id).map((line) => JSON.parse(line));
  return told.find(({ msg }) => msg === 'request')?.subscription;
}

const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });
const good = (changes: Partial<Parameters<RunningStack['twin']['azure']['token']>[0]> = {}): string =>
  stack.twin.azure.token({ audience: tollgate, clientId: marketingApp, roles: ['Tollgate.Call'], ...changes });
const codeOf = ({ body }: Answer): unknown => JSON.parse(body).error.code;

// [what the token is, the token, who is charged]
const accepted: readonly (readonly [string, () => string, string])[] = [
  ['of version 2, for an application', () => good(), 'marketing-web'],
  ['of version 1', () => good({ version: 1, audience: `api://${tollgate}` }), 'marketing-web'],
  ['of the second tenant', () => good({ tenant: second }), 'marketing-web'],
  ['of a person, with the scope', () => good({ roles: [], scopes: ['User.Read', 'Tollgate.Call'] }), 'marketing-web'],
  ['known by its group', () => good({ clientId: otherApp, groups: [financeGroup] }), 'finance-copilot'],
  ['that expired two minutes ago, by our clock', () => good({ lifetimeSeconds: -120 }), 'marketing-web'],
  [
    'that begins in two minutes, by our clock',
    () => good({ claims: { nbf: Math.floor(Date.now() / 1000) + 120 } }),
    'marketing-web',
  ],
];

for (const [what, token, subscription] of accepted) {
  test(`a token ${what} is charged to ${subscription}`, async () => {
    const answer = await chat(bearer(token()));
    assert.equal(answer.status, 200, answer.body);
    assert.equal(await chargedFor(answer), subscription);
  });
}

const jwk = { ...forgersKey, use: 'sig', alg: 'RS256' };
const now = (): number => Math.floor(Date.now() / 1000);

// [what the token is, the token, the code, a word of the message]
const refused: readonly (readonly [string, () => string, string, RegExp])[] = [
  ['not signed (alg none)', () => unsigned(good()), 'invalid_token', /RS256/],
  ['not signed (alg None)', () => unsigned(good(), 'None'), 'invalid_token', /RS256/],
  ['that says RS256 and has no signature', () => unsigned(good(), 'RS256'), 'invalid_token', /signature|well-formed/],
  [
    'signed by HMAC with the public key',
    () => signedWithPublicKey(good(), stack.twin.azure.issuer.publicKey()),
    'invalid_token',
    /RS256/,
  ],
  ['signed with PS256', () => altered(good(), { header: { alg: 'PS256' } }), 'invalid_token', /RS256/],
  ['whose claims were altered', () => altered(good(), { claims: { azp: otherApp } }), 'invalid_token', /signature/],
  ['signed by somebody else under the key id of Entra', () => signedByForger(good()), 'invalid_token', /signature/],
  ['that brings its own key (jwk)', () => signedByForger(good(), { header: { jwk } }), 'invalid_token', /signature/],
  [
    'that says where its key is (jku)',
    () => signedByForger(good(), { header: { jku: `${stack.url}/keys` } }),
    'invalid_token',
    /signature/,
  ],
  [
    'that says where its certificate is (x5u)',
    () => signedByForger(good(), { header: { x5u: `${stack.url}/c` } }),
    'invalid_token',
    /signature/,
  ],
  [
    'with an unknown key id',
    () => signedByForger(good(), { header: { kid: 'unknown' } }),
    'invalid_token',
    /does not publish/,
  ],
  [
    'with a path as key id',
    () => signedByForger(good(), { header: { kid: '../../../dev/null' } }),
    'invalid_token',
    /does not publish/,
  ],
  [
    'with a key id of every object',
    () => signedByForger(good(), { header: { kid: '__proto__' } }),
    'invalid_token',
    /does not publish/,
  ],
  [
    'with a key id that is a list',
    () => signedByForger(good(), { header: { kid: ['a'] } }),
    'invalid_token',
    /which key/,
  ],
  [
    'with a huge key id',
    () => signedByForger(good(), { header: { kid: 'k'.repeat(4000) } }),
    'invalid_token',
    /which key/,
  ],
  ['without a key id', () => signedByForger(good(), { header: { kid: undefined } }), 'invalid_token', /which key/],
  [
    'with critical extensions',
    () => altered(good(), { header: { crit: ['exp'], exp: 1 } }),
    'invalid_token',
    /checked|signature/,
  ],
  [
    'of an issuer that is nobody',
    () => good({ claims: { iss: 'https://login.evil.example/v2.0' } }),
    'invalid_token',
    /not issued by a tenant/,
  ],
  ['of a tenant that is not accepted', () => good({ tenant: stranger }), 'invalid_token', /not issued by a tenant/],
  [
    'of an accepted issuer that names another tenant',
    () => good({ claims: { tid: stranger } }),
    'invalid_token',
    /tenant that the access token names/,
  ],
  ['of version 1 by the issuer of version 2', () => good({ claims: { ver: '1.0' } }), 'invalid_token', /version/],
  [
    'for another audience',
    () => good({ audience: 'https://cognitiveservices.azure.com' }),
    'invalid_token',
    /another audience/,
  ],
  ['for our audience with a slash more', () => good({ audience: `${tollgate}/` }), 'invalid_token', /another audience/],
  [
    'for several audiences',
    () => good({ claims: { aud: [tollgate, 'https://graph.microsoft.com'] } }),
    'invalid_token',
    /several audiences/,
  ],
  ['without an audience', () => good({ claims: { aud: null } }), 'invalid_token', /aud/],
  ['that has expired', () => good({ lifetimeSeconds: -600 }), 'invalid_token', /expired/],
  ['that never expires', () => good({ claims: { exp: null } }), 'invalid_token', /exp/],
  ['whose end is a text', () => good({ claims: { exp: '9999999999' } }), 'invalid_token', /exp/],
  ['that is not valid yet', () => good({ claims: { nbf: now() + 900 } }), 'invalid_token', /not valid yet/],
  ['bound to a key of its holder', () => good({ claims: { cnf: ['x'] } }), 'invalid_token', /bound/],
  ['that is an ID token', () => good({ claims: { azp: null } }), 'invalid_token', /ID token/],
  ['of two parts', () => good().split('.').slice(0, 2).join('.'), 'invalid_token', /well-formed/],
  ['of four parts', () => `${good()}.x`, 'invalid_token', /well-formed/],
  ['encrypted (five parts)', () => `${good()}.x.y`, 'invalid_token', /well-formed/],
  ['that is no JSON', () => `eyJ${'x'.repeat(30)}.eyJ${'x'.repeat(30)}.x`, 'invalid_token', /well-formed/],
  [
    'without the role or scope',
    () => good({ roles: [] }),
    'token_not_allowed',
    /needs the role 'Tollgate.Call' or the scope/,
  ],
  ['with a role of another name', () => good({ roles: ['tollgate.call'] }), 'token_not_allowed', /needs the role/],
  ['of an application that nobody entered', () => good({ clientId: otherApp }), 'token_not_allowed', /No entry/],
  [
    'whose groups are too many to list',
    () => good({ clientId: otherApp, claims: { hasgroups: true } }),
    'token_not_allowed',
    /more groups/,
  ],
];

for (const [what, token, code, message] of refused) {
  test(`a token ${what} is refused: ${code}`, async () => {
    const text = token();
    const answer = await chat(bearer(text));
    assert.equal(codeOf(answer), code, answer.body);
    assert.equal(answer.status, code === 'invalid_token' ? 401 : 403);
    assert.match(answer.body, message);
    const signature = text.split('.').at(-1) ?? '';
    assert.ok(signature.length < 40 || !answer.body.includes(signature), 'a refusal never repeats the token');
    await untilLogged(stack, String(answer.headers['x-request-id']));
    if (signature.length >= 40) assertNotLogged(stack, signature, 'nor does the log');
  });
}

test('a token that is larger than any header may be is refused before it is looked at', async () => {
  const answer = await chat(bearer(good({ claims: { padding: 'x'.repeat(20_000) } })));
  assert.equal(answer.status, 431);
});

test('a key goes on being taken, and a wrong key is not made good by a token', async () => {
  assert.equal((await chat({ 'api-key': keys.finance })).status, 200);
  assert.equal((await chat(bearer(keys.finance))).status, 200);
  const both = await chat({ 'api-key': 'wrong', ...bearer(good()) });
  assert.equal(codeOf(both), 'invalid_api_key');
});

test('where callers show a key of the subscription beside the token, one of another subscription is refused', async (context) => {
  const both = await startStack(context, {
    config: (twin) => `${configFor(twin)}${entra(twin).replace('clockSkew: 5m', 'proof: key-and-token')}`,
    twin: { entra: { tenants: [first, second] } },
  });
  const token = both.twin.azure.token({ audience: tollgate, clientId: marketingApp, roles: ['Tollgate.Call'] });
  const ask = async (headers: Record<string, string>): Promise<Answer> =>
    await call(`${both.url}/openai/v1/models`, { headers });
  assert.equal((await ask({ 'api-key': keys.marketing, ...bearer(token) })).status, 200);
  assert.equal(codeOf(await ask({ 'api-key': keys.finance, ...bearer(token) })), 'token_not_allowed');
  assert.equal(codeOf(await ask({ 'api-key': keys.marketing })), 'missing_token');
  assert.equal(codeOf(await ask(bearer(token))), 'missing_api_key');
});

test('while the keys of the tenant cannot be read, an unknown token waits and nobody is let in', async (context) => {
  const cut = await startStack(context, {
    config: (twin) => configFor(twin) + entra(twin),
    twin: { entra: { tenants: [first, second] } },
  });
  cut.twin.azure.addFault({ service: 'entra', operation: 'keys', kind: 'status', status: 503, times: null });
  const token = cut.twin.azure.token({ audience: tollgate, clientId: marketingApp, roles: ['Tollgate.Call'] });
  const answer = await call(`${cut.url}/openai/v1/models`, { headers: bearer(token) });
  assert.equal(answer.status, 503);
  assert.equal(codeOf(answer), 'token_keys_unavailable');
  assert.equal(answer.headers['retry-after'], '2');
  const byKey = await call(`${cut.url}/openai/v1/models`, { headers: { 'api-key': keys.marketing } });
  assert.equal(byKey.status, 200, 'keys need no Entra');
});

// A gateway in front names the subscription; whoever else tries to is not heard.
const fromFront = (): string => good({ clientId: otherApp, claims: { oid: frontIdentity } });
const saying = (name: string): Record<string, string> => ({ 'x-tollgate-subscription': name });

test('a gateway in front says whose call it is, and that one is charged', async () => {
  for (const name of ['finance-copilot', 'marketing-web']) {
    const answer = await chat({ ...bearer(fromFront()), ...saying(name) });
    assert.equal(answer.status, 200, answer.body);
    assert.equal(await chargedFor(answer), name);
  }
  assert.equal((await chat(bearer(fromFront()))).status, 403, 'it has to say it');
  assert.equal((await chat({ ...bearer(fromFront()), ...saying('nobody') })).status, 403);
});

test('nobody else can say whose call it is: not with a key, not with a token, not with one that is forged', async () => {
  for (const headers of [{ 'api-key': keys.marketing }, bearer(good())]) {
    const answer = await chat({ ...headers, ...saying('finance-copilot') });
    assert.equal(answer.status, 200, answer.body);
    assert.equal(await chargedFor(answer), 'marketing-web');
  }
  assert.equal((await chat(saying('finance-copilot'))).status, 401);
  assert.equal((await chat({ ...bearer(unsigned(fromFront())), ...saying('finance-copilot') })).status, 401);
});
