import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { request } from 'node:https';
import { suite, test } from 'node:test';
import { ManualClock } from './support/manual-clock.ts';
import { call, json, twinFor, type Got } from './support/call.ts';
import type { RunningTwin } from '#server.ts';

const tenant = '7a0f1c00-0000-4000-8000-000000000001';
const tollgate = '7a0f1c00-0000-4000-8000-00000000a991';
const application = '7a0f1c00-0000-4000-8000-00000000ca11';
const identity = '7a0f1c00-0000-4000-8000-000000001d01';

const claimsOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());

function askToken(twin: RunningTwin, fields: Record<string, string> = {}): Promise<Got> {
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: application,
    client_secret: 'twin-client-secret',
    scope: `api://${tollgate}/.default`,
    ...fields,
  });
  return call(twin, {
    path: `/${tenant}/oauth2/v2.0/token`,
    body: form.toString(),
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  });
}

void suite('Microsoft Entra', () => {
  test('a token for an application is signed by a key that the tenant publishes, and says what Entra says', async (context) => {
    const twin = await twinFor(context);
    const { access_token: token, token_type: type, expires_in: expires } = json(await askToken(twin));
    assert.deepEqual([type, expires], ['Bearer', 3599]);
    const [header = '', payload = '', signature = ''] = token.split('.');
    const { alg, kid } = JSON.parse(Buffer.from(header, 'base64url').toString());
    const { jwks_uri: keysAt, issuer } = json(
      await call(twin, { path: `/${tenant}/v2.0/.well-known/openid-configuration` }),
    );
    const { keys } = json(await call(twin, { path: new URL(keysAt).pathname }));
    const jwk = keys.find((one: { kid: string }) => one.kid === kid);
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    assert.equal(alg, 'RS256');
    assert.ok(verify('RSA-SHA256', Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, 'base64url')));
    const claims = claimsOf(token);
    assert.equal(claims.iss, issuer);
    assert.deepEqual(
      [claims.aud, claims.azp, claims.tid, claims.ver, claims.roles],
      [tollgate, application, tenant, '2.0', ['Tollgate.Call']],
    );
  });

  for (const [what, fields, status, code] of [
    ['a wrong secret', { client_secret: 'wrong' }, 401, 7000215],
    ['an unknown application', { client_id: tenant }, 400, 700016],
    ['a resource that nobody registered', { scope: 'api://unknown/.default' }, 400, 500011],
    ['a scope of people', { scope: `api://${tollgate}/Tollgate.Call` }, 400, 1002012],
  ] as const)
    test(`${what} is refused with AADSTS${code}`, async (context) => {
      const answer = await askToken(await twinFor(context), fields);
      assert.equal(answer.status, status);
      assert.deepEqual(json(answer).error_codes, [code]);
      assert.match(json(answer).error_description, new RegExp(`^AADSTS${code}: .* Correlation ID: `));
    });

  test('a tenant that is not there has no keys', async (context) => {
    const answer = await call(await twinFor(context), { path: `/${tollgate}/discovery/v2.0/keys` });
    assert.equal(answer.status, 400);
    assert.deepEqual(json(answer).error_codes, [90002]);
  });

  test('a federated token signs an application in without a secret', async (context) => {
    const payload = Buffer.from('{"iss":"https://oidc.example","sub":"system:serviceaccount:a:b"}').toString(
      'base64url',
    );
    const answer = await askToken(await twinFor(context), {
      client_secret: '',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: `eyJhbGciOiJSUzI1NiJ9.${payload}.x`,
    });
    assert.equal(answer.status, 200, answer.body.toString());
  });

  test('after a change of keys both are published', async (context) => {
    const twin = await twinFor(context);
    const before = json(await call(twin, { path: `/${tenant}/discovery/v2.0/keys` })).keys.map(
      (one: { kid: string }) => one.kid,
    );
    const { keyId } = json(await call(twin, { path: '/_twin/entra/keys', method: 'POST', body: '' }));
    const after = json(await call(twin, { path: `/${tenant}/discovery/v2.0/keys` })).keys.map(
      (one: { kid: string }) => one.kid,
    );
    assert.deepEqual(after, [keyId, ...before]);
  });

  test('the token endpoints of managed identities ask for their header, an api-version and a known resource', async (context) => {
    const clock = new ManualClock();
    const twin = await twinFor(context, { clock });
    const resource = encodeURIComponent('https://cognitiveservices.azure.com');
    const machine = `/metadata/identity/oauth2/token?api-version=2018-02-01&resource=${resource}`;
    const container = `/msi/token?api-version=2019-08-01&resource=${resource}`;
    const proof = { 'x-identity-header': 'twin-identity-header' };
    const cases = [
      [machine, {}, 400],
      [machine, { metadata: 'true' }, 200],
      [container, {}, 401],
      [container, proof, 200],
      [`${container}&client_id=${identity}`, proof, 200],
      [`${container}&client_id=${tollgate}`, proof, 400],
      [container.replace('api-version', 'version'), proof, 400],
      [container.replace('cognitiveservices', 'unknown'), proof, 400],
    ] as const;
    for (const [path, headers, status] of cases)
      assert.equal((await call(twin, { path, headers })).status, status, `${path} ${JSON.stringify(headers)}`);
    const answer = json(await call(twin, { path: container, headers: proof }));
    assert.equal(answer.expires_on, String(clock.now() / 1000 + 3600));
    const claims = claimsOf(answer.access_token);
    assert.deepEqual([claims.aud, claims.appid, claims.ver], ['https://cognitiveservices.azure.com', identity, '1.0']);
  });

  test('faults happen as often as was asked for, then no more', async (context) => {
    const twin = await twinFor(context);
    const fault = { service: 'entra', operation: 'token', kind: 'status', status: 429, retryAfter: 7, times: 2 };
    assert.equal((await call(twin, { path: '/_twin/services/faults', body: fault })).status, 201);
    const first = await askToken(twin);
    assert.deepEqual([first.status, first.headers['retry-after']], [429, '7']);
    assert.equal((await call(twin, { path: `/${tenant}/discovery/v2.0/keys` })).status, 200);
    assert.equal((await askToken(twin)).status, 429);
    assert.equal((await askToken(twin)).status, 200);
    twin.azure.addFault({ service: 'entra', kind: 'expired' });
    const { exp } = claimsOf(json(await askToken(twin)).access_token);
    assert.ok(exp * 1000 < Date.now());
  });

  test('a token is made of whatever a test asks for', async (context) => {
    const twin = await twinFor(context);
    const body = {
      audience: 'api://mine',
      scopes: ['read', 'write'],
      groups: ['g'],
      claims: { dept: 'Sales', azp: null },
    };
    const claims = claimsOf(json(await call(twin, { path: '/_twin/entra/tokens', body })).token);
    assert.deepEqual(
      [claims.aud, claims.scp, claims.groups, claims.dept],
      ['api://mine', 'read write', ['g'], 'Sales'],
    );
    assert.equal('azp' in claims, false);
    assert.equal((await call(twin, { path: '/_twin/entra/tokens', body: {} })).status, 400);
  });

  test('over TLS everything is served with a certificate that the authority’s vouches for', async (context) => {
    const twin = await twinFor(context, { securePort: 0 });
    const { secureUrl = '', authority = '' } = twin;
    const answer = await new Promise<string>((resolve, reject) => {
      const asked = request(
        `${secureUrl}/${tenant}/v2.0/.well-known/openid-configuration`,
        { ca: authority },
        (response) => {
          response.setEncoding('utf8');
          response.once('data', resolve);
        },
      );
      asked.once('error', reject);
      asked.end();
    });
    assert.equal(JSON.parse(answer).issuer, `${secureUrl}/${tenant}/v2.0`);
  });
});
