import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { versionSchema } from '@tollgate/contract/admin-api/operations.ts';
import { nothingUsed, usageReportSchema, type UsageFigures } from '@tollgate/contract/usage.ts';
import { fakeDataPlane, type Behaviour, type Call, type FakeDataPlane } from '../../../test/support/fake-data-plane.ts';
import { fakeGateway, freePort, promised, type Answer } from '../../../test/support/fake-gateway.ts';
import { reportOf, rowOf } from '../../../test/support/reports.ts';
import { runCli, testClock } from '../../../test/support/run-cli.ts';
import type { Clock } from '#context.ts';
import type { Environment } from '#settings.ts';
import { send } from './calls.ts';
import { houseRules } from './prompts.ts';
import { sampleTraffic } from './traffic.ts';

interface Stage {
  readonly environment: Environment;
  readonly dataFolder: string;
  readonly plane: FakeDataPlane;
  readonly clock: Clock;
}

interface Lies {
  readonly refuse?: NonNullable<Behaviour['refuse']>;
  /** What the ledger forgets or invents of one part of the traffic. */
  readonly twist?: (figures: UsageFigures) => UsageFigures;
}

const drains = 'gpt-5-mini';

const isCut = ({ call }: { readonly call: Call }): boolean => !call.whole && call.body['model'] !== drains;

/** The ledger of the fake: it knows what the fake twin knows, but of cancelled calls only what was delivered. */
function ledgerOf(plane: FakeDataPlane, from: number, twist: Lies['twist']): Answer {
  const own = plane.calls.flatMap((call, at) => {
    const attempt = plane.attempts[at];
    return call.at < from || attempt === undefined ? [] : [{ call, attempt }];
  });
  const figures: UsageFigures = {
    ...nothingUsed,
    requests: own.length,
    attempts: own.length,
    inputTokens: own.reduce((sum, { attempt }) => sum + attempt.inputTokens, 0),
    outputTokens: own.reduce((sum, one) => sum + (isCut(one) ? 3 : one.attempt.outputTokens), 0),
    costNanoUsd: '5',
    deliveredOnlyRequests: own.filter(isCut).length,
  };
  const total = twist?.(figures) ?? figures;
  const lag = { records: 0, openAttempts: plane.running() };
  return promised(usageReportSchema, reportOf({ rows: [rowOf({ consumer: 'marketing' }, total)], total, lag }));
}

async function stage(t: TestContext, lies: Lies = {}): Promise<Stage> {
  const clock = testClock();
  const refuse = lies.refuse === undefined ? {} : { refuse: lies.refuse };
  const plane = await fakeDataPlane(t, { ...refuse, now: () => clock.now() });
  const gateway = await fakeGateway(t, {
    'GET version': promised(versionSchema, { name: 'tollgate', version: '0.1.0', node: '26', startedAt: 'now' }),
    'GET usage': ({ query }) => ledgerOf(plane, Date.parse(query['from'] ?? ''), lies.twist),
  });
  writeFileSync(
    path.join(gateway.dataFolder, 'demo-keys.json'),
    JSON.stringify({ marketing: 'tg_m', finance: 'tg_f' }),
  );
  return {
    plane,
    clock,
    dataFolder: gateway.dataFolder,
    environment: {
      ...gateway.environment,
      TOLLGATE_PORT: String(plane.port),
      TOLLGATE_TWIN_PORT: String(plane.port),
    },
  };
}

test('the demo sends every kind of call for both teams, prints the bill and says that it is right', async (t) => {
  const { environment, plane, clock } = await stage(t);
  const { status, out, err } = await runCli(['demo'], environment, clock);
  assert.equal(status, 0, out);
  assert.match(out, /The bill\n\nteam .*cost in USD/);
  assert.match(out, /marketing +received whole .* equal to the token/);
  assert.match(out, /finance +broken off, cancelled .* a lower bound/);
  assert.match(out, /finance +broken off, drained .* equal to the token/);
  assert.match(out, /Every token is accounted for\./);
  assert.match(err, /marketing: \d+ calls, received whole/);
  const kinds = new Set(plane.calls.map((call) => `${call.path.split('?')[0]} ${call.body['stream'] === true}`));
  for (const kind of [
    '/openai/deployments/gpt-5.4-mini/chat/completions false',
    '/openai/v1/chat/completions true',
    '/openai/v1/responses false',
    '/openai/v1/responses true',
    '/openai/v1/embeddings false',
    '/openai/deployments/text-embedding-3-small/embeddings false',
  ]) {
    assert.ok(kinds.has(kind), kind);
  }
  assert.deepEqual([...new Set(plane.calls.map((call) => call.key))], ['tg_m', 'tg_f']);
  assert.ok(
    plane.calls.some((call) => !call.whole),
    'some were broken off',
  );
});

test('for a program there is JSON alone', async (t) => {
  const { environment, clock } = await stage(t);
  const { status, out } = await runCli(['demo', '--json'], environment, clock);
  assert.equal(status, 0);
  const told = JSON.parse(out) as { ok: boolean; bill: { rows: unknown[] }; comparison: { ok: boolean }[] };
  assert.equal(told.ok, true);
  assert.equal(told.comparison.length, 6);
  assert.equal(told.bill.rows.length, 1);
});

test('one token too many in the ledger, and the demo fails', async (t) => {
  const { environment, clock } = await stage(t, {
    twist: (figures) => ({ ...figures, inputTokens: (figures.inputTokens ?? 0) + 1 }),
  });
  const { status, out } = await runCli(['demo'], environment, clock);
  assert.equal(status, 1);
  assert.match(out, /DIFFERENT: input: ledger/);
  assert.match(out, /disagree/);
});

test('a call that is refused makes the demo fail, with the status and the code', async (t) => {
  const { environment, clock } = await stage(t, {
    refuse: (call) =>
      call.path.includes('embeddings') && call.key === 'tg_f'
        ? { status: 403, body: { error: { code: 'model_not_allowed' } } }
        : undefined,
  });
  const { status, out } = await runCli(['demo'], environment, clock);
  assert.equal(status, 1);
  assert.match(out, /2 calls failed:\n {2}finance: 403 model_not_allowed/);
});

test('without a gateway it says how to start one, and without keys or twin what is missing', async (t) => {
  const { environment, dataFolder, clock } = await stage(t);
  const nowhere = String(await freePort());
  const none = await runCli(['demo'], { ...environment, TOLLGATE_ADMIN_PORT: nowhere });
  assert.equal(none.status, 3);
  assert.match(none.err, /npm start/);
  const noTwin = await runCli(['demo'], { ...environment, TOLLGATE_TWIN_PORT: nowhere });
  assert.equal(noTwin.status, 3);
  assert.match(noTwin.err, /No twin answers/);
  writeFileSync(path.join(dataFolder, 'demo-keys.json'), '{}');
  const noKeys = await runCli(['demo'], environment, clock);
  assert.equal(noKeys.status, 1);
  assert.match(noKeys.err, /There are no demo keys/);
});

test('a stream that stops without its end is a failure, not a whole reply', async (t) => {
  const plane = await fakeDataPlane(t, { refuse: () => ({ status: 200, body: 'data: {}\n\n' }) });
  const call = { api: 'chat', surface: 'v1', model: 'm', stream: true, prompt: 'p' } as const;
  const sent = await send({ dataPlane: `http://127.0.0.1:${plane.port}`, key: 'k' }, call);
  assert.equal(sent.ended, 'failed');
});

test('an unreachable data plane is told, not thrown', async () => {
  const call = { api: 'embeddings', surface: 'v1', model: 'm', stream: false, prompt: 'p' } as const;
  const sent = await send({ dataPlane: `http://127.0.0.1:${await freePort()}`, key: 'k' }, call);
  assert.equal(sent.ended, 'failed');
});

test('the sample repeats a beginning that is long enough for a prompt cache, and breaks off where it can be compared', () => {
  const parts = sampleTraffic();
  assert.deepEqual(
    parts.map(({ team, ending }) => `${team} ${ending}`),
    ['marketing', 'finance'].flatMap((team) =>
      ['received', 'cancelled', 'drained'].map((ending) => `${team} ${ending}`),
    ),
  );
  // A token of English has four to five letters: 1024 of them are fewer than this.
  assert.ok(houseRules('marketing').length > 1024 * 5);
  for (const { ending, calls } of parts) {
    assert.ok(calls.every((call) => (call.breakOffAfter !== undefined) === (ending !== 'received')));
  }
  const repeated = parts[0]?.calls.filter((call) => call.instructions === houseRules('marketing')) ?? [];
  assert.ok(repeated.length >= 4);
});
