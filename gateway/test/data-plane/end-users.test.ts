import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { BudgetList } from '@tollgate/contract/admin-api/budgets.ts';
import { endUserHash } from '#proxy/consumers/end-user.ts';
import { call, configFor, keys, startStack, type RunningStack } from '../support/running-gateway.ts';
import { assertNotLogged } from '../support/logged.ts';
import { middayClock } from '../support/midday-clock.ts';

const secret = 'a-secret-for-end-users-0123456789-0123456789';
const anna = 'anna.de.vries@contoso.example';

async function ask(stack: RunningStack, more: object, headers: Record<string, string> = {}): Promise<string> {
  const messages = [{ role: 'user', content: 'Hello' }];
  const body = { model: 'gpt-5.4-mini', max_completion_tokens: 20, messages, ...more };
  const url = `${stack.url}/openai/v1/chat/completions`;
  const answer = await call(url, { headers: { 'api-key': keys.marketing, ...headers }, body });
  return answer.status === 200 ? 'ok' : JSON.parse(answer.body).error.code;
}

function filesOf(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const file = path.join(folder, entry.name);
    return entry.isDirectory() ? filesOf(file) : [file];
  });
}

const perEndUser =
  'standard: { models: [gpt-5.4-mini], unpriced: allow-and-flag, perEndUser: { limits: { quotas: [{ requests: 2, every: year }] } } }';
const products = `  ${perEndUser}\n  small: { models: [text-embedding-3-small] }`;

test('each end user has its own quota, and stands in the ledger as a keyed hash, never by name', async (context) => {
  const stack = await startStack(context, {
    overrides: { clock: middayClock() },
    config: (twin) =>
      `${configFor(twin, { products })}endUsers: { secret: '\${TEST_END_USERS}', header: x-end-user }\n`,
    environment: { TEST_END_USERS: secret },
  });
  const codes = [];
  for (const more of [{ user: anna }, { safety_identifier: anna }, { user: anna }, { user: 'bob' }, {}, {}, {}])
    codes.push(await ask(stack, more));
  codes.push(await ask(stack, {}, { 'x-end-user': anna }));
  assert.deepEqual(codes, ['ok', 'ok', 'quota_exhausted', 'ok', 'ok', 'ok', 'quota_exhausted', 'quota_exhausted']);

  const { rows } = await stack.usage('end-user');
  const hash = endUserHash(anna, secret);
  assert.deepEqual(Object.fromEntries(rows.map((row) => [row.keys['end-user'], row.requests])), {
    [hash]: 2,
    [endUserHash('bob', secret)]: 1,
    '': 2,
  });
  const id = encodeURIComponent(`product/standard/end-user/${hash}/requests-per-year`);
  const { budgets } = (await stack.admin(`/admin/v1/budgets?budget=${id}`)).json as BudgetList;
  assert.deepEqual([budgets[0]?.spent, budgets[0]?.remaining], ['2', '0']);

  await stack.gateway.drain('look');
  const files = filesOf(stack.dataFolder);
  assert.ok(files.length > 2);
  for (const file of files) assert.equal(readFileSync(file).includes(anna), false, file);
  assertNotLogged(stack, /anna/);
});

test('by default nothing of end users is kept, and all of a product are one', async (context) => {
  const stack = await startStack(context, {
    overrides: { clock: middayClock() },
    config: (twin) => configFor(twin, { products }),
  });
  const codes = [];
  for (const user of [anna, 'bob', 'carol']) codes.push(await ask(stack, { user }));
  assert.deepEqual(codes, ['ok', 'ok', 'quota_exhausted']);
  const { rows } = await stack.usage('end-user');
  assert.deepEqual(
    rows.map((row) => [row.keys['end-user'], row.requests]),
    [['', 2]],
  );
});

test('a short secret for end users is refused with the configuration', async (context) => {
  await assert.rejects(
    startStack(context, {
      overrides: { clock: middayClock() },
      config: (twin) => `${configFor(twin)}endUsers: { secret: '\${TEST_END_USERS}' }\n`,
      environment: { TEST_END_USERS: 'short' },
    }),
    /endUsers\.secret: it has fewer than 32 characters/,
  );
});
