import assert from 'node:assert/strict';
import { noBatches, noBatchLimits } from '../../test/support/no-batches.ts';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { ServerResponse } from 'node:http';
import { callerOf, exchangeOf, productWith, subscriptionWith } from '../../test/support/exchanges.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { endpointNamed, routeOver } from '../../test/support/model-objects.ts';
import { always } from '../../test/support/routing.ts';
import {
  answer,
  beginStream,
  ScriptedConnections,
  settled,
  type Call,
} from '../../test/support/scripted-connections.ts';
import { Alarms } from '#kernel/alarms.ts';
import { Failure } from '#kernel/errors.ts';
import { silentLog } from '#kernel/log.ts';
import { Metrics } from '#kernel/metrics.ts';
import { Presence } from '#model/presence.ts';
import { defaultRoutingTerms } from '#model/priority.ts';
import type { Reply } from '#model/reply.ts';
import type { UsageRecord } from '#model/usage-record.ts';
import type { Forwarding } from './deliver.ts';
import { forward } from './forward.ts';
import { createInstruments } from './instruments.ts';
import { pipelineOf } from './policies/pipeline.ts';
import type { RequestLimits, Reservation } from './ports.ts';
import { routeHeader } from './route-trace.ts';
import { EndpointHealth } from './routing/health.ts';
import { Pools, type Pool } from './routing/pool.ts';
import { RouteTraces, type RouteTrace } from './routing/trace.ts';
import type { Services } from './services.ts';
import { createCredentials } from './upstream/credentials.ts';

const afterMs = 500;
const traceOver = ({ endpoints }: Pool): RouteTrace => ({
  requestId: 'one',
  receivedAt: 0,
  startedAt: 0,
  subscription: 'marketing-web',
  model: 'gpt-5.4-mini',
  endpoints,
  steps: undefined,
});
const full = new Failure('ledger_unavailable', 'The disk is full.');
const route = routeOver([[[endpointNamed('weu'), 1]], [[endpointNamed('swc'), 1]]], { deadlineMs: 30_000 });

describe('two attempts of one call', () => {
  let clock: ManualClock;
  let connections: ScriptedConnections;
  let presence: Presence;
  let records: UsageRecord[];
  let opened: number;
  let opening: (count: number) => Promise<void>;
  let reserving: (count: number) => Reservation | Promise<Reservation>;
  /** What became of each reservation, in order. */
  let reservations: string[];
  let forwarding: Forwarding;
  let pools: Pools;

  beforeEach(() => {
    clock = new ManualClock();
    connections = new ScriptedConnections();
    presence = new Presence();
    records = [];
    opened = 0;
    opening = () => Promise.resolve();
    reserving = () => held();
    reservations = [];
    const health = new EndpointHealth({ clock, random: always(0), events: { happened() {}, odd() {}, defect() {} } });
    pools = new Pools(health, always(0));
    // It is known how long first bytes take.
    for (let at = 0; at < 20; at += 1) pools.of(route).firstBytes.observe(100);
    const limits: RequestLimits = {
      reserve: () => reserving(reservations.length + 1),
      follow() {},
      headers: () => [],
      end() {},
    };
    forwarding = {
      response: {} as ServerResponse,
      presence,
      attempts: 0,
      waitedMs: 0,
      trail: [],
      fallback: undefined,
      losing: undefined,
      failure: undefined,
      trace: undefined,
      limits,
    };
  });
  afterEach(async () => {
    await connections.pool.destroy();
  });

  function held(): Reservation {
    const place = reservations.push('held') - 1;
    return {
      nano: 7n,
      settle: (record) => void (reservations[place] = record.outcome),
      release: () => void (reservations[place] = 'released'),
    };
  }

  function services(): Services {
    return {
      clock,
      alarms: new Alarms(clock),
      random: always(0),
      ids: () => `attempt-${opened + 1}`,
      log: silentLog,
      requestLog: { write() {} },
      telemetry: undefined,
      genAi: undefined,
      instruments: createInstruments(new Metrics()),
      snapshots: { current: () => assert.fail('a request keeps its snapshot') },
      pipeline: pipelineOf([]),
      pools,
      traces: new RouteTraces(0),
      connections,
      credentials: createCredentials([]),
      ledger: {
        open() {
          opened += 1;
          return opening(opened);
        },
        settle(record) {
          records.push(record);
          return Promise.resolve();
        },
      },
      tokens: { verify: () => assert.fail('no token is shown') },
      batches: noBatches,
      limits: {
        begin: () => assert.fail('begun already'),
        ...noBatchLimits,
        beginUnmetered: () => assert.fail('metered'),
      },
      tokenCounter: { count: () => Promise.resolve({ input: 3, measuredInput: 'estimated', output: 0 }) },
      keepBytes: 1024,
    };
  }

  /** Begins a call; what it comes to, once it has. */
  function begin(): { readonly reply: Promise<Reply>; readonly thrown: Promise<unknown> } {
    const body = { model: 'gpt-5.4-mini', stream: true, messages: [{ role: 'user', content: 'hi' }] };
    const product = productWith({ routing: { ...defaultRoutingTerms, hedging: { atLeastMs: afterMs } } });
    const admission = {
      exchange: exchangeOf(body, { stream: true }),
      caller: callerOf(subscriptionWith({ product })),
      route,
      binding: null,
      edits: new Map(),
    };
    const reply = forward(services(), admission, forwarding);
    return {
      reply,
      thrown: reply.then(
        () => undefined,
        (thrown: unknown) => thrown,
      ),
    };
  }

  /** Both under way. */
  async function race(): Promise<{ readonly begun: ReturnType<typeof begin>; readonly calls: readonly Call[] }> {
    const begun = begin();
    await settled();
    clock.advance(afterMs);
    await settled();
    assert.equal(connections.pool.calls.length, 2);
    return { begun, calls: connections.pool.calls };
  }

  const outcomes = (): readonly (readonly [string, string])[] =>
    records.map(({ servedBy, outcome }) => [servedBy.endpoint, outcome] as const);

  test('that begin to answer in the same turn: one is delivered, the other is given up and settled', async () => {
    const { begun, calls } = await race();
    for (const call of calls) beginStream(call);
    const reply = await begun.reply;
    await forwarding.losing;
    assert.deepEqual(outcomes(), [['swc', 'hedge-lost']]);
    assert.deepEqual(reservations, ['held', 'hedge-lost'], 'the other one is settled at the end of its reply');
    assert.equal(reply.status, 200);
    const states = route.endpoints.map((endpoint) => pools.health.of(endpoint).inFlight);
    assert.deepEqual(states, [1, 0]);
  });

  test('of which the first cannot be written to the journal: the call fails, and the second is given up', async () => {
    const first = Promise.withResolvers<void>();
    opening = (count) => (count === 1 ? first.promise : Promise.resolve());
    const begun = begin();
    await settled();
    clock.advance(afterMs);
    await settled();
    first.reject(full);
    assert.equal(await begun.thrown, full);
    await forwarding.losing;
    assert.deepEqual(outcomes(), [['swc', 'hedge-lost']]);
    assert.deepEqual(reservations, ['released', 'hedge-lost']);
  });

  test('of which the second cannot be written to the journal: the first is not concerned', async () => {
    opening = (count) => (count === 2 ? Promise.reject(full) : Promise.resolve());
    const begun = begin();
    await settled();
    clock.advance(afterMs);
    await settled();
    const [call] = connections.pool.calls;
    assert.ok(call !== undefined);
    beginStream(call);
    assert.equal((await begun.reply).status, 200);
    assert.deepEqual(reservations, ['held', 'released']);
  });

  test('of which the first answers while the second is reserved for: the second is not made', async () => {
    const reserved = Promise.withResolvers<Reservation>();
    reserving = (count) => (count === 2 ? reserved.promise : held());
    const begun = begin();
    await settled();
    clock.advance(afterMs);
    await settled();
    const [call] = connections.pool.calls;
    assert.ok(call !== undefined);
    beginStream(call);
    await settled();
    reserved.resolve(held());
    assert.equal((await begun.reply).status, 200);
    assert.deepEqual([connections.pool.calls.length, reservations], [1, ['held', 'released']]);
  });

  test('of which the client goes while the second is reserved for: nothing more is sent', async () => {
    const reserved = Promise.withResolvers<Reservation>();
    reserving = (count) => (count === 2 ? reserved.promise : held());
    const begun = begin();
    await settled();
    clock.advance(afterMs);
    await settled();
    presence.leave();
    reserved.resolve(held());
    assert.ok((await begun.thrown) instanceof Failure);
    assert.deepEqual(outcomes(), [['weu', 'client-left']]);
    assert.deepEqual(reservations, ['client-left', 'released']);
  });

  test('of which the second cannot be reserved for, by a defect: the first is not concerned', async () => {
    reserving = (count) => (count === 2 ? Promise.reject(new Error('a defect')) : held());
    const begun = begin();
    await settled();
    clock.advance(afterMs);
    await settled();
    const [call] = connections.pool.calls;
    assert.ok(call !== undefined);
    beginStream(call);
    assert.equal((await begun.reply).status, 200);
  });

  async function refused(): Promise<{ readonly begun: ReturnType<typeof begin>; readonly first: Call }> {
    const { begun, calls } = await race();
    const [first, second] = calls;
    assert.ok(first !== undefined && second !== undefined);
    answer(second, 400, '{"error":{"code":"unsupported_value"}}');
    second.handler.onResponseEnd?.(second.controller, {});
    await settled();
    clock.advance(afterMs - 1);
    await settled();
    return { begun, first };
  }

  describe('of which the second is told that the client was wrong', () => {
    const second = ['swc', 'refused-by-upstream'];

    test('and the first is not: its reply is delivered', async () => {
      const { begun, first } = await refused();
      beginStream(first);
      assert.equal((await begun.reply).status, 200);
      assert.deepEqual(outcomes(), [second]);
      assert.deepEqual(reservations, ['held', 'refused-by-upstream']);
    });

    test('and the first fails, or is told so, too: that is the answer', async () => {
      for (const [status, outcome] of [
        [500, 'upstream-broke'],
        [400, 'refused-by-upstream'],
      ] as const) {
        const { begun, first } = await refused();
        answer(first, status, '{"error":{"code":"unsupported_value"}}');
        first.handler.onResponseEnd?.(first.controller, {});
        assert.equal((await begun.reply).status, 400);
        assert.deepEqual(outcomes(), [second, ['weu', outcome]]);
        records = [];
        connections = new ScriptedConnections();
      }
    });

    test('and the first says nothing: that is the answer, after as long again', async () => {
      const { begun } = await refused();
      clock.advance(1);
      assert.equal((await begun.reply).status, 400);
      await forwarding.losing;
      assert.deepEqual(outcomes(), [second, ['weu', 'hedge-lost']]);
    });
  });

  test('of which the second was not made leave the retries as they were, and say why', async () => {
    let second = Promise.withResolvers<Reservation>();
    let asked = 0;
    reserving = () => {
      asked += 1;
      return asked % 2 === 1 ? held() : second.promise;
    };
    const pool = pools.of(route);
    const steps: (string | undefined)[] = [];
    // More of them than retries are allowed.
    for (let at = 0; at < 30; at += 1) {
      second = Promise.withResolvers();
      forwarding.trace = traceOver(pool);
      forwarding.attempts = 0;
      const begun = begin();
      await settled();
      clock.advance(afterMs);
      await settled();
      if (at % 2 === 0) second.reject(new Failure('budget_exhausted', 'Nothing is left.'));
      await settled();
      const call = connections.pool.calls.at(-1);
      assert.ok(call !== undefined);
      beginStream(call);
      await settled();
      if (at % 2 === 1) second.resolve(held());
      await begun.reply;
      steps.push(forwarding.trace.steps?.at(-1)?.unmade);
      assert.deepEqual(routeHeader(forwarding.trace), ['x-tollgate-route', 'weu']);
    }
    assert.deepEqual(steps, Array.from({ length: 15 }, () => ['unpaid', 'overtaken']).flat());
  });

  test('of which the one that lost had been refused, as its head says: nothing was used, whatever its body would say', async () => {
    for (const [status, measured] of [
      [429, 'none'],
      [400, 'unknown'],
      [500, 'unknown'],
    ] as const) {
      const { begun, calls } = await race();
      const [first, second] = calls;
      assert.ok(first !== undefined && second !== undefined);
      answer(first, status, '{"error":');
      await settled();
      beginStream(second);
      assert.equal((await begun.reply).status, 200);
      await forwarding.losing;
      assert.deepEqual(outcomes(), [['weu', 'hedge-lost']]);
      assert.equal(records[0]?.measuredOutput, measured, String(status));
      records = [];
      connections = new ScriptedConnections();
    }
  });

  test('whose client has gone before the first is sent: nothing is', async () => {
    presence.leave();
    assert.ok((await begin().thrown) instanceof Failure);
    assert.deepEqual([opened, reservations], [0, []]);
  });

  test('that both fail: the call goes on as if they had been made one after the other', async () => {
    const { begun, calls } = await race();
    for (const call of calls) {
      answer(call, 500, '{}');
      call.handler.onResponseEnd?.(call.controller, {});
      await settled();
    }
    const thrown = await begun.thrown;
    assert.equal(thrown instanceof Failure && thrown.code, 'upstream_unavailable');
    assert.deepEqual(outcomes(), [
      ['weu', 'upstream-broke'],
      ['swc', 'upstream-broke'],
    ]);
  });

  test('end with the time of their caller, each recorded', async () => {
    const { begun } = await race();
    clock.advance(30_000);
    const thrown = await begun.thrown;
    assert.equal(thrown instanceof Failure && thrown.code, 'upstream_timeout');
    await forwarding.losing;
    assert.deepEqual(
      outcomes()
        .toSorted(([one], [other]) => one.localeCompare(other))
        .map(([, outcome]) => outcome),
      ['timed-out', 'timed-out'],
    );
  });
});
