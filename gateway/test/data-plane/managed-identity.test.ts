import assert from 'node:assert/strict';
import { APIError } from 'openai';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test, type TestContext } from 'node:test';
import { batchStack, begin, chatLine, clientOf, upload } from '../support/batch-stack.ts';
import { call, configFor, keys, startStack, type Answer, type RunningStack } from '../support/running-gateway.ts';
import { untilLogged } from '../support/logged.ts';

const identity = '7a0f1c00-0000-4000-8000-000000001d02';

// Microsoft's library reads the environment of the process, once: the address stays, and the twin behind it changes.
let behind = '';
const door = createServer((incoming, outgoing) => {
  const onward = request(`${behind}${incoming.url}`, { headers: incoming.headers, agent: false }, (reply) => {
    outgoing.writeHead(reply.statusCode ?? 500, reply.headers);
    reply.pipe(outgoing);
  });
  onward.once('error', () => outgoing.destroy());
  onward.end();
});
before(async () => {
  await new Promise<void>((resolve) => {
    door.listen(0, '127.0.0.1', resolve);
  });
  const { port } = door.address() as AddressInfo;
  process.env['IDENTITY_ENDPOINT'] = `http://127.0.0.1:${port}/msi/token`;
  process.env['IDENTITY_HEADER'] = 'twin-identity-header';
});
after(() => {
  delete process.env['IDENTITY_ENDPOINT'];
  delete process.env['IDENTITY_HEADER'];
  door.closeAllConnections();
  door.close();
});

const byIdentity = (twin: string, auth = 'managed-identity'): string =>
  configFor(twin, {
    endpoints: `  weu: { resource: '${twin}/contoso-weu', region: westeurope, deployment: gpt-5.4-mini, model: gpt-5.4-mini, type: GlobalStandard, auth: ${auth} }
  swc: { resource: '${twin}/contoso-swc', region: swedencentral, deployment: gpt-5.4-mini, model: gpt-5.4-mini, type: GlobalStandard, auth: { key: '\${TEST_TWIN_KEY}' } }
  embeddings: { resource: '${twin}/contoso-weu', region: westeurope, deployment: text-embedding-3-small, model: text-embedding-3-small, type: GlobalStandard, auth: ${auth} }`,
    models: `  gpt-5.4-mini: { tiers: [[weu], [swc]] }
  gpt-5-mini: { tiers: [[weu]] }
  one-endpoint: { tiers: [[weu]] }
  classic: { tiers: [[swc]] }
  text-embedding-3-small: { tiers: [[embeddings]] }`,
  });

const entra = {
  identities: [{ clientId: '7a0f1c00-0000-4000-8000-000000001d01', system: true }, { clientId: identity }],
};

interface Options {
  readonly auth?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

async function start(context: TestContext, { auth, environment = {} }: Options = {}): Promise<RunningStack> {
  const stack = await startStack(context, {
    config: (twin) => byIdentity(twin, auth),
    twin: {
      entra,
    },
    environment,
  });
  behind = stack.twin.url;
  return stack;
}

function chat(stack: RunningStack, model = 'one-endpoint'): Promise<Answer> {
  return call(`${stack.url}/openai/v1/chat/completions`, {
    headers: { 'api-key': keys.marketing },
    body: { model, messages: [{ role: 'user', content: 'Hello' }] },
  });
}

const asked = ({ twin }: RunningStack): number => twin.azure.managedIdentity.asked;

test('with a managed identity no key is anywhere, and one token serves all calls', async (context) => {
  const stack = await start(context);
  const answers = await Promise.all(Array.from({ length: 10 }, async () => await chat(stack)));
  for (const answer of answers) assert.equal(answer.status, 200, answer.body);
  assert.equal(asked(stack), 1);
});

test('a user-assigned identity is asked for by its client id', async (context) => {
  const stack = await start(context, { environment: { AZURE_CLIENT_ID: identity } });
  assert.equal((await chat(stack)).status, 200);
  assert.deepEqual(stack.twin.azure.managedIdentity.identities, [identity]);
});

test('older set-ups name the scope that their resources take', async (context) => {
  const auth = '{ token: { provider: managed-identity, scope: https://cognitiveservices.azure.com/.default } }';
  assert.equal((await chat(await start(context, { auth }))).status, 200);
});

test('where there is no token, an endpoint with a key serves; where there is none, the caller is told', async (context) => {
  const stack = await start(context);
  stack.twin.azure.addFault({ service: 'identity', kind: 'status', status: 429, retryAfter: 600, times: null });
  assert.equal((await chat(stack, 'gpt-5.4-mini')).status, 200);
  const alone = await chat(stack);
  assert.equal(alone.status, 503);
  assert.equal(JSON.parse(alone.body).error.code, 'upstream_unavailable');
  assert.equal(asked(stack), 1, 'a token service that refuses is left alone for a while');
  await untilLogged(stack, /no new access token can be had/);
  const { total } = await stack.usage();
  assert.equal(total.attempts, 1, 'what was never sent is not in the ledger');
  assert.equal(total.requests, 1, 'what was served counts as a request, whichever endpoint was tried first');
});

test('a token that the resource does not take is renewed once, and the call served', async (context) => {
  const stack = await start(context);
  stack.twin.azure.addFault({ service: 'identity', kind: 'wrong-audience' });
  const answer = await chat(stack);
  assert.equal(answer.status, 200, answer.body);
  assert.equal(asked(stack), 2);
  const { total } = await stack.usage();
  assert.equal(total.attempts, 1);
});

test('an identity that lacks the role is renewed for once, then it is a fault of the configuration', async (context) => {
  const stack = await start(context);
  stack.twin.azure.addFault({ service: 'identity', kind: 'wrong-audience', times: null });
  const answer = await chat(stack);
  assert.equal(answer.status, 502);
  assert.equal(JSON.parse(answer.body).error.code, 'upstream_misconfigured');
  assert.equal((await chat(stack, 'gpt-5.4-mini')).status, 200);
  assert.equal(asked(stack), 2);
});

test('no token stands in the log, nor in what the admin API shows', async (context) => {
  const stack = await start(context);
  await chat(stack);
  const shown = `${stack.logged()}${(await stack.admin('/admin/v1/config')).text}`;
  assert.equal(/eyJ[\w-]{20,}/.test(shown), false);
});

test('what is asked of something stored renews a refused token, too, and a token that is refused for good is told to the health', async (context) => {
  const stack = await start(context);
  const options = { headers: { 'api-key': keys.marketing } };
  const made = await call(`${stack.url}/openai/v1/responses`, {
    ...options,
    body: { model: 'one-endpoint', input: 'Hello' },
  });
  const url = `${stack.url}/openai/v1/responses/${String(JSON.parse(made.body).id)}`;
  const refused = { kind: 'status', status: 401, match: { operation: 'responses.retrieve' } } as const;
  stack.twin.addFault(refused);
  assert.equal((await call(url, options)).status, 200);
  assert.equal(asked(stack), 2);
  stack.twin.addFault({ ...refused, times: null });
  const answer = await call(url, options);
  assert.deepEqual([answer.status, JSON.parse(answer.body).error.code], [502, 'upstream_misconfigured']);
  assert.match((await stack.admin('/metrics')).text, /tollgate_endpoint_state\{endpoint="weu",state="quarantined"\} 1/);
  await untilLogged(stack, /"alert":true/);
});

test('what is asked of a batch renews a refused token, too', async (context) => {
  const stack = await batchStack(context, { auth: 'managed-identity', pollEvery: '1h', twin: { entra } });
  behind = stack.twin.url;
  const client = clientOf(stack.url, keys.marketing);
  const { id } = await begin(client, [chatLine('One?', 0)]);
  stack.twin.addFault({ kind: 'status', status: 401, match: { operation: 'batches.retrieve' } });
  assert.equal((await client.batches.retrieve(id)).id, id);
  assert.equal(asked(stack), 2);
});

async function filesStack(context: TestContext) {
  const stack = await batchStack(context, {
    auth: 'managed-identity',
    pollEvery: '1h',
    batch: '[one-batch]',
    twin: { entra },
  });
  behind = stack.twin.url;
  return { stack, client: clientOf(stack.url, keys.marketing), lines: [chatLine('One?', 0)] };
}

test('the content of a file renews a refused token, too', async (context) => {
  const { stack, client, lines } = await filesStack(context);
  const file = await upload(client, lines);
  stack.twin.addFault({ kind: 'status', status: 401, match: { operation: 'files.content' } });
  assert.match(await (await client.files.content(file.id)).text(), /mini-batch/);
  assert.equal(asked(stack), 2);
});

test('an upload that is refused for its token is told as that, and the next one has another token', async (context) => {
  const { stack, client, lines } = await filesStack(context);
  stack.twin.addFault({ kind: 'status', status: 401, match: { operation: 'files.create' } });
  // It has been passed on as it came, and cannot be sent again by the gateway.
  await assert.rejects(upload(client, lines), (error) => error instanceof APIError && error.status === 503);
  assert.equal(asked(stack), 2);
  const { text } = await stack.admin('/metrics');
  assert.match(text, /tollgate_endpoint_state\{endpoint="one-batch",state="available"\} 1/);
  assert.ok((await upload(client, lines)).bytes > 0);
});
