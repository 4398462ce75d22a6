// A batch holds what its lines may cost by the prices at its beginning, whatever they were when its file came.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { BadRequestError, type OpenAI } from 'openai';
import { sealId } from '#proxy/routing/affinity/signed-id.ts';
import { signingKey } from '#proxy/routing/affinity/signature.ts';
import { batchStack, budget, chatLine, clientOf, held, upload } from '../support/batch-stack.ts';
import { keys, type RunningStack } from '../support/running-gateway.ts';

const lines = [chatLine('One?', 0), chatLine('Two?', 1)];
const secret = 'the-signing-key-of-the-test-0123456789-abc';
const affinity = "routing: { affinity: { keys: ['${SIGNING}'] } }";
const environment = { SIGNING: secret };
const priceOf = (type: string, input: string): string =>
  `prices: [{ model: gpt-5.4-mini, type: ${type}, effectiveFrom: 2026-01-01, usdPerMillion: { input: ${input}, cachedInput: 0.01, output: 9 } }]\n`;

async function reloadWith(stack: RunningStack, change: (config: string) => string): Promise<void> {
  writeFileSync(stack.configFile, change(readFileSync(stack.configFile, 'utf8')));
  const { status, text } = await stack.admin('/admin/v1/config/reload', { method: 'POST' });
  assert.equal(status, 200, text);
}

const create = async (client: OpenAI, input_file_id: string): Promise<OpenAI.Batch> =>
  await client.batches.create({ input_file_id, endpoint: '/v1/chat/completions', completion_window: '24h' });

const isOutdated = (says: RegExp) => (error: unknown) =>
  error instanceof BadRequestError &&
  error.code === 'batch_file_outdated' &&
  error.param === 'input_file_id' &&
  says.test(error.message);

const heldBy = async (stack: RunningStack): Promise<bigint> =>
  (await held(stack)).reduce((sum, one) => sum + BigInt(one.reservedNanoUsd ?? 0), 0n);

describe('a batch whose file came under other prices', () => {
  test('is refused where a budget holds money, and begun with a new upload at the new price', async (context) => {
    const stack = await batchStack(context, { more: `${budget}\n` });
    const client = clientOf(stack.url, keys.marketing);
    const { id } = await upload(client, lines);
    await reloadWith(stack, (config) => config + priceOf('GlobalBatch', '90'));
    await assert.rejects(create(client, id), isOutdated(/prices of its model have changed.*Upload it again/));
    assert.equal(await heldBy(stack), 0n, 'nothing is held for it');
    assert.deepEqual((await client.batches.list()).data, []);
    await create(client, (await upload(client, lines)).id);
    // Two lines of 400 tokens of output at 9 USD a million, and some input at 90.
    assert.ok((await heldBy(stack)) > 2n * 400n * 9_000n);
  });

  test('is begun all the same where prices of something else have changed', async (context) => {
    const stack = await batchStack(context, { more: `${budget}\n` });
    const client = clientOf(stack.url, keys.marketing);
    const { id } = await upload(client, lines);
    await reloadWith(stack, (config) => config + priceOf('GlobalStandard', '90'));
    assert.equal((await create(client, id)).status, 'validating');
  });

  test('is begun all the same where no budget counts money', async (context) => {
    const stack = await batchStack(context, { more: '\n' });
    const client = clientOf(stack.url, keys.marketing);
    const { id } = await upload(client, lines);
    await reloadWith(stack, (config) => config + priceOf('GlobalBatch', '90'));
    assert.equal((await create(client, id)).status, 'validating');
  });
});

test('a file that was checked for one product is not begun for another one, which may allow less', async (context) => {
  const stack = await batchStack(context);
  const client = clientOf(stack.url, keys.marketing);
  const { id } = await upload(client, lines);
  const strict = '  strict: { models: [gpt-5.4-mini], batches: true, caps: { maxOutputTokens: 10 } }\n';
  await reloadWith(stack, (config) =>
    config
      .replace('  small: {', `${strict}  small: {`)
      .replace('marketing-web: { product: standard', 'marketing-web: { product: strict'),
  );
  await assert.rejects(create(client, id), isOutdated(/'standard'.*'strict'/));
});

/** Of a file that is there, as the ids of files were before they named an edition. */
async function oldId(stack: RunningStack, client: OpenAI): Promise<string> {
  await upload(client, lines);
  const response = await fetch(`${stack.twin.url}/one/openai/v1/files`, { headers: { 'api-key': stack.twin.key } });
  const { data } = (await response.json()) as { data: readonly { id: string }[] };
  const facts = ['one-batch', 'gpt-5.4-mini', 'chat.completions', 2, '1000', 2000, 'mini-batch'];
  const rules = { keys: [signingKey(secret)], boundTo: 'subscription', unsigned: 'pass' } as const;
  return sealId(rules, `${data[0]?.id}\n${JSON.stringify(facts)}`, {
    prefix: 'file-',
    owner: 'subscription marketing-web',
    resource: `${stack.twin.url}/one`,
  });
}

describe('an id that does not say by which prices it was reckoned, as they were made before', () => {
  test('is good where nothing is held for it, and reads the file', async (context) => {
    const stack = await batchStack(context, { batch: '[one-batch]', more: affinity, environment });
    const client = clientOf(stack.url, keys.marketing);
    const id = await oldId(stack, client);
    assert.equal((await client.files.retrieve(id)).id, id);
    assert.equal((await create(client, id)).status, 'validating');
  });

  test('is refused where something is, with what to do', async (context) => {
    const stack = await batchStack(context, { batch: '[one-batch]', more: `${affinity}\n${budget}`, environment });
    const client = clientOf(stack.url, keys.marketing);
    await assert.rejects(create(client, await oldId(stack, client)), isOutdated(/does not say.*Upload it again/));
  });
});
