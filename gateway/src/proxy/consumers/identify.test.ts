import assert from 'node:assert/strict';
import test from 'node:test';
import { Failure } from '#kernel/errors.ts';
import type { CallerProof, TokenClaims, TokenTerms } from '#model/token-terms.ts';
import { exchangeOf, snapshotOf, subscriptionWith } from '../../../test/support/exchanges.ts';
import { identify } from './identify.ts';
import type { TokenVerifier } from './ports.ts';

const marketing = subscriptionWith();
const finance = subscriptionWith({ name: 'finance-copilot' });
const keys = {
  good: marketing,
  finance,
  'k-suspended': subscriptionWith({ name: 'stopped', suspended: true }),
  'k-expired': subscriptionWith({ name: 'old', expiresAt: 1_000 }),
  'not-yet': subscriptionWith({ name: 'current', expiresAt: 1_001 }),
};
const snapshot = snapshotOf({ keys });

const noTokens: TokenVerifier = { verify: () => assert.fail('no token has to be looked at') };

async function outcome(run: () => ReturnType<typeof identify>): Promise<string> {
  try {
    return (await run()).chargedTo.subscription;
  } catch (thrown) {
    assert.ok(thrown instanceof Failure);
    return thrown.code;
  }
}

// [key, what comes of it]
const cases = [
  ['good', 'marketing-web'],
  ['not-yet', 'current'],
  ['k-suspended', 'subscription_suspended'],
  ['k-expired', 'subscription_expired'],
  ['wrong', 'invalid_api_key'],
  ['good ', 'invalid_api_key'],
  ['x'.repeat(10_000), 'invalid_api_key'],
  [null, 'missing_api_key'],
] as const;

for (const [presentedKey, expected] of cases) {
  test(`the key '${presentedKey?.slice(0, 12)}' is ${expected}`, () => {
    const arrival = exchangeOf({}, { presentedKey, snapshot, receivedAt: 1_000 });
    try {
      const caller = identify(arrival, noTokens);
      assert.ok(!(caller instanceof Promise), 'a key is judged at once');
      assert.equal(caller.chargedTo.subscription, expected);
    } catch (thrown) {
      assert.ok(thrown instanceof Failure);
      assert.equal(thrown.code, expected);
      assert.ok(presentedKey === null || !thrown.message.includes(presentedKey), 'a refusal never repeats the key');
    }
  });
}

test('a subscription is charged under one object, so that the journal can keep its text', async () => {
  const arrival = exchangeOf({}, { presentedKey: 'good', snapshot });
  const [first, second] = await Promise.all([identify(arrival, noTokens), identify(arrival, noTokens)]);
  assert.equal(first.chargedTo, second.chargedTo);
});

test('where no tokens are taken, a token is told what is taken instead', () => {
  const arrival = exchangeOf({}, { presentedToken: 'eyJ.a.b', snapshot });
  assert.throws(() => identify(arrival, noTokens), { code: 'invalid_api_key', message: /subscription keys here/ });
});

const tenant = '11111111-1111-1111-1111-111111111111';
const application = '22222222-2222-2222-2222-222222222222';
const group = '33333333-3333-3333-3333-333333333333';

const anything = { tenant: null, clientId: null, group: null, role: null, claims: [] };

function termsWith(changes: Partial<TokenTerms>): TokenTerms {
  return {
    proof: 'key-or-token',
    authority: 'https://login.example',
    firstIssuer: 'https://sts.example',
    tenants: [tenant],
    audiences: ['api://tollgate'],
    clockSkewMs: 0,
    requires: { roles: new Set(), scopes: new Set() },
    rules: [{ ...anything, charged: { subscription: 'marketing-web' }, clientId: application }],
    ...changes,
  };
}

function claimsWith(changes: Partial<TokenClaims> = {}): TokenClaims {
  return { tenant, clientId: application, roles: [], scopes: [], groups: [], all: {}, ...changes };
}

const believing = (claims: TokenClaims): TokenVerifier => ({ verify: () => claims });

const suspended = 'stopped';
// [what the rules are, what the token says, what comes of it]
const mappings: readonly (readonly [string, Partial<TokenTerms>, Partial<TokenClaims>, string])[] = [
  ['the application of the rule', {}, {}, 'marketing-web'],
  ['another application', {}, { clientId: group }, 'token_not_allowed'],
  [
    'its group',
    { rules: [{ ...anything, charged: { subscription: 'finance-copilot' }, group }] },
    { groups: [group] },
    'finance-copilot',
  ],
  [
    'another group',
    { rules: [{ ...anything, charged: { subscription: 'finance-copilot' }, group }] },
    { groups: [tenant] },
    'token_not_allowed',
  ],
  [
    'too many groups to list',
    { rules: [{ ...anything, charged: { subscription: 'finance-copilot' }, group }] },
    { groups: null },
    'token_not_allowed',
  ],
  [
    'its role',
    { rules: [{ ...anything, charged: { subscription: 'finance-copilot' }, role: 'Call' }] },
    { roles: ['Call'] },
    'finance-copilot',
  ],
  [
    'its claim',
    { rules: [{ ...anything, charged: { subscription: 'finance-copilot' }, claims: [['dept', 'Finance']] }] },
    { all: { dept: 'Finance' } },
    'finance-copilot',
  ],
  [
    'its claim in a list',
    { rules: [{ ...anything, charged: { subscription: 'finance-copilot' }, claims: [['dept', 'Finance']] }] },
    { all: { dept: ['x', 'Finance'] } },
    'finance-copilot',
  ],
  [
    'a claim that only begins so',
    { rules: [{ ...anything, charged: { subscription: 'finance-copilot' }, claims: [['dept', 'Finance']] }] },
    { all: { dept: 'Finance2' } },
    'token_not_allowed',
  ],
  [
    'a claim that is inherited by every object',
    { rules: [{ ...anything, charged: { subscription: 'finance-copilot' }, claims: [['constructor', 'x']] }] },
    {},
    'token_not_allowed',
  ],
  [
    'one of two things asked',
    { rules: [{ ...anything, charged: { subscription: 'finance-copilot' }, clientId: application, role: 'Call' }] },
    {},
    'token_not_allowed',
  ],
  [
    'several rules: the first that fits',
    {
      rules: [
        { ...anything, charged: { subscription: 'finance-copilot' }, group },
        { ...anything, charged: { subscription: 'marketing-web' }, tenant },
      ],
    },
    { groups: [group] },
    'finance-copilot',
  ],
  [
    'a subscription that is gone',
    { rules: [{ ...anything, charged: { subscription: 'gone' }, tenant }] },
    {},
    'token_not_allowed',
  ],
  [
    'a suspended subscription',
    { rules: [{ ...anything, charged: { subscription: suspended }, tenant }] },
    {},
    'subscription_suspended',
  ],
  [
    'no role where one is required',
    { requires: { roles: new Set(['Call']), scopes: new Set() } },
    {},
    'token_not_allowed',
  ],
  [
    'the required role',
    { requires: { roles: new Set(['Call']), scopes: new Set() } },
    { roles: ['Call'] },
    'marketing-web',
  ],
  [
    'the required scope',
    { requires: { roles: new Set(['Call']), scopes: new Set(['call']) } },
    { scopes: ['call'] },
    'marketing-web',
  ],
  [
    'a role of the name of a scope',
    { requires: { roles: new Set(), scopes: new Set(['call']) } },
    { roles: ['call'] },
    'token_not_allowed',
  ],
];

for (const [what, terms, claims, expected] of mappings) {
  test(`a token with ${what}: ${expected}`, async () => {
    const arrival = exchangeOf(
      {},
      { presentedToken: 'eyJ.a.b', snapshot: snapshotOf({ keys, entra: termsWith(terms) }) },
    );
    assert.equal(await outcome(() => identify(arrival, believing(claimsWith(claims)))), expected);
  });
}

// [what is asked for, key, token, what comes of it]
const proofs: readonly (readonly [CallerProof, string | null, boolean, string])[] = [
  ['key-or-token', null, true, 'marketing-web'],
  ['key-or-token', 'finance', false, 'finance-copilot'],
  ['key-or-token', 'finance', true, 'finance-copilot'],
  ['key-or-token', 'wrong', true, 'invalid_api_key'],
  ['key-or-token', null, false, 'missing_api_key'],
  ['token', null, true, 'marketing-web'],
  ['token', 'good', false, 'missing_token'],
  ['token', 'finance', true, 'marketing-web'],
  ['key-and-token', 'good', true, 'marketing-web'],
  ['key-and-token', 'finance', true, 'token_not_allowed'],
  ['key-and-token', 'wrong', true, 'invalid_api_key'],
  ['key-and-token', null, true, 'missing_api_key'],
  ['key-and-token', 'good', false, 'missing_token'],
];

for (const [proof, presentedKey, withToken, expected] of proofs) {
  test(`${proof}: the key '${presentedKey}' ${withToken ? 'and' : 'without'} a token is ${expected}`, async () => {
    const terms = termsWith({ proof });
    const arrival = exchangeOf(
      {},
      { presentedKey, presentedToken: withToken ? 'eyJ.a.b' : null, snapshot: snapshotOf({ keys, entra: terms }) },
    );
    assert.equal(await outcome(() => identify(arrival, believing(claimsWith()))), expected);
  });
}

const front = { rules: [{ ...anything, charged: { header: 'x-tollgate-subscription' }, clientId: application }] };
// [what the front says, what comes of it]
const saidByFront: readonly (readonly [what: string, header: string | undefined, expected: string])[] = [
  ['a subscription', 'finance-copilot', 'finance-copilot'],
  ['one that is suspended', suspended, 'subscription_suspended'],
  ['one that does not exist', 'nobody', 'token_not_allowed'],
  ['two of them', 'finance-copilot, marketing-web', 'token_not_allowed'],
  ['nothing', undefined, 'token_not_allowed'],
];

for (const [what, header, expected] of saidByFront) {
  test(`a gateway in front that names ${what}: ${expected}`, async () => {
    const headers = header === undefined ? {} : { 'x-tollgate-subscription': header };
    const arrival = exchangeOf(
      {},
      { presentedToken: 'eyJ.a.b', headers, snapshot: snapshotOf({ keys, entra: termsWith(front) }) },
    );
    assert.equal(await outcome(() => identify(arrival, believing(claimsWith()))), expected);
  });
}

test('the header of a gateway in front means nothing beside the token or key of somebody else', async () => {
  const rules = [...front.rules, { ...anything, charged: { subscription: 'marketing-web' }, clientId: group }];
  const headers = { 'x-tollgate-subscription': 'finance-copilot' };
  const terms = termsWith({ rules });
  const given = { headers, snapshot: snapshotOf({ keys, entra: terms }) };
  const byToken = exchangeOf({}, { ...given, presentedToken: 'eyJ.a.b' });
  assert.equal(await outcome(() => identify(byToken, believing(claimsWith({ clientId: group })))), 'marketing-web');
  const byKey = exchangeOf({}, { ...given, presentedKey: 'good' });
  assert.equal(await outcome(() => identify(byKey, noTokens)), 'marketing-web');
  const stranger = exchangeOf({}, { ...given, presentedToken: 'eyJ.a.b' });
  assert.equal(
    await outcome(() => identify(stranger, believing(claimsWith({ clientId: tenant })))),
    'token_not_allowed',
  );
});

const fingerprint = 'ab'.repeat(32);
const frontTerms = {
  certificates: new Set([fingerprint]),
  certificateHeader: 'x-forwarded-client-cert',
  subscriptionHeader: 'x-tollgate-subscription',
};
// [what the ingress tells of the certificate, what the header says, which key came, what comes of it]
const byCertificate: readonly (readonly [string, string | undefined, string | undefined, string | null, string])[] = [
  ['its own', `Hash=${fingerprint};Cert="x"`, 'finance-copilot', null, 'finance-copilot'],
  ['its own, in capitals', `By=x;Hash=${fingerprint.toUpperCase()}`, 'finance-copilot', null, 'finance-copilot'],
  ['its own, beside the key of somebody else', `Hash=${fingerprint}`, 'finance-copilot', 'good', 'finance-copilot'],
  ['its own, for a suspended subscription', `Hash=${fingerprint}`, suspended, null, 'subscription_suspended'],
  ['its own, for nobody', `Hash=${fingerprint}`, undefined, 'good', 'caller_not_named'],
  ['its own, for two', `Hash=${fingerprint}`, 'finance-copilot, marketing-web', null, 'caller_not_named'],
  ['another one', `Hash=${'cd'.repeat(32)}`, 'finance-copilot', 'good', 'marketing-web'],
  ['another one, without a key', `Hash=${'cd'.repeat(32)}`, 'finance-copilot', null, 'missing_api_key'],
  ['two', `Hash=${'cd'.repeat(32)}, Hash=${fingerprint}`, 'finance-copilot', null, 'missing_api_key'],
  ['a longer one', `Hash=${fingerprint}00`, 'finance-copilot', null, 'missing_api_key'],
  ['none', undefined, 'finance-copilot', 'good', 'marketing-web'],
];

for (const [what, told, name, presentedKey, expected] of byCertificate) {
  test(`a gateway in front with a certificate, ${what}: ${expected}`, async () => {
    const headers = {
      ...(told === undefined ? {} : { 'x-forwarded-client-cert': told }),
      ...(name === undefined ? {} : { 'x-tollgate-subscription': name }),
    };
    const arrival = exchangeOf({}, { headers, presentedKey, snapshot: snapshotOf({ keys, front: frontTerms }) });
    assert.equal(await outcome(() => identify(arrival, noTokens)), expected);
  });
}
