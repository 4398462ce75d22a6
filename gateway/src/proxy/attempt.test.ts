import assert from 'node:assert/strict';
import { noBatches, noBatchLimits } from '../../test/support/no-batches.ts';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { callerOf, exchangeOf, subscriptionWith } from '../../test/support/exchanges.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { endpointNamed, routeOver } from '../../test/support/model-objects.ts';
import { always } from '../../test/support/routing.ts';
import { answer, ScriptedConnections, settled } from '../../test/support/scripted-connections.ts';
import type { ServerResponse } from 'node:http';
import { Alarms } from '#kernel/alarms.ts';
import { Failure } from '#kernel/errors.ts';
import { silentLog } from '#kernel/log.ts';
import { Metrics } from '#kernel/metrics.ts';
import { Presence } from '#model/presence.ts';
import type { ModelRoute } from '#model/model-route.ts';
import type { UsageRecord } from '#model/usage-record.ts';
import { forward } from './forward.ts';
import { createInstruments } from './instruments.ts';
import { pipelineOf } from './policies/pipeline.ts';
import { EndpointHealth } from './routing/health.ts';
import { Pools } from './routing/pool.ts';
import { RouteTraces } from './routing/trace.ts';
import type { RequestLimits } from './ports.ts';
import type { Services } from './services.ts';
import { createCredentials } from './upstream/credentials.ts';

describe('an attempt ends, and is recorded once, whatever happens before its reply is accepted', () => {
  let clock: ManualClock;
  let connections: ScriptedConnections;
  let presence: Presence;
  let records: UsageRecord[];
  let opening: () => Promise<void>;
  let settling: () => Promise<void>;
  /** What became of each reservation, in order. */
  let reservations: string[];
  let limits: RequestLimits;

  beforeEach(() => {
    clock = new ManualClock();
    connections = new ScriptedConnections();
    presence = new Presence();
    records = [];
    opening = () => Promise.resolve();
    settling = () => Promise.resolve();
    reservations = [];
    limits = {
      reserve() {
        const place = reservations.push('held') - 1;
        return {
          nano: 7n,
          settle: (record) => void (reservations[place] = `settled ${record.outcome}`),
          release: () => void (reservations[place] = 'released'),
        };
      },
      follow() {},
      headers: () => [],
      end() {},
    };
  });
  afterEach(async () => {
    await connections.pool.destroy();
  });

  function services(): Services {
    const random = always(0);
    const health = new EndpointHealth({ clock, random, events: { happened() {}, odd() {}, defect() {} } });
    return {
      clock,
      alarms: new Alarms(clock),
      random,
      ids: () => `attempt-${records.length + 1}`,
      log: silentLog,
      requestLog: { write() {} },
      telemetry: undefined,
      genAi: undefined,
      instruments: createInstruments(new Metrics()),
      snapshots: { current: () => assert.fail('a request keeps its snapshot') },
      tokens: { verify: () => assert.fail('no token is shown') },
      pipeline: pipelineOf([]),
      pools: new Pools(health, random),
      traces: new RouteTraces(10),
      connections,
      credentials: createCredentials([]),
      ledger: {
        open: () => opening(),
        settle(record) {
          records.push(record);
          return settling();
        },
      },
      batches: noBatches,
      limits: {
        begin: () => limits,
        ...noBatchLimits,
        beginUnmetered: () => assert.fail('a metered call'),
      },
      tokenCounter: { count: () => Promise.resolve({ input: 3, measuredInput: 'estimated', output: 0 }) },
      keepBytes: 1024,
    };
  }

  function run(changes: Partial<ModelRoute> = {}): Promise<Failure | undefined> {
    const route = routeOver([[[endpointNamed('weu'), 1]], [[endpointNamed('swc'), 1]]], changes);
    const exchange = exchangeOf({ model: 'gpt-5.4-mini', messages: [{ role: 'user', content: 'hi' }] });
    const admission = { exchange, caller: callerOf(subscriptionWith()), route, binding: null, edits: new Map() };
    const forwarding = {
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
    return forward(services(), admission, forwarding).then(
      () => undefined,
      (thrown: unknown) => {
        assert.ok(thrown instanceof Failure);
        return thrown;
      },
    );
  }

  test('a client that leaves while an error body stalls is recorded at once', async () => {
    connections.pool.onCall = (call) => answer(call, 400, '{"error":');
    const running = run();
    await settled();
    assert.equal(records.length, 0);
    presence.leave();
    await running;
    assert.deepEqual(
      records.map(({ outcome, httpStatus }) => ({ outcome, httpStatus })),
      [{ outcome: 'client-left', httpStatus: 400 }],
    );
  });

  test('an error body that stalls is judged by its status after the idle time, and the next endpoint tried', async () => {
    connections.pool.onCall = (call) => {
      const { calls } = connections.pool;
      answer(call, calls.length === 1 ? 500 : 400, '{"error":');
      if (calls.length === 2) call.handler.onResponseEnd?.(call.controller, {});
    };
    const running = run({ idleTimeoutMs: 1000, deadlineMs: 60_000 });
    await settled();
    clock.advance(1001);
    assert.equal(await running, undefined);
    assert.deepEqual(
      records.map(({ outcome, httpStatus }) => ({ outcome, httpStatus })),
      [
        { outcome: 'upstream-broke', httpStatus: 500 },
        { outcome: 'refused-by-upstream', httpStatus: 400 },
      ],
    );
  });

  test('an error body that stalls until the deadline ends the call', async () => {
    connections.pool.onCall = (call) => answer(call, 500, '{"error":');
    const running = run({ idleTimeoutMs: 10_000, deadlineMs: 1_000 });
    await settled();
    clock.advance(1001);
    assert.equal((await running)?.code, 'upstream_timeout');
    assert.deepEqual(
      records.map(({ outcome }) => outcome),
      ['timed-out'],
    );
  });

  test('a deadline that passes while the journal is slow still ends the attempt', async () => {
    const opened = Promise.withResolvers<void>();
    opening = () => opened.promise;
    const running = run({ deadlineMs: 1000 });
    clock.advance(1001);
    opened.resolve();
    assert.equal((await running)?.code, 'upstream_timeout');
    assert.deepEqual(
      records.map(({ outcome }) => outcome),
      ['timed-out'],
    );
  });

  test('a client that leaves while the journal is slow costs nothing: its call is recorded, and never sent', async () => {
    const opened = Promise.withResolvers<void>();
    opening = () => opened.promise;
    const running = run();
    presence.leave();
    opened.resolve();
    await running;
    assert.equal(connections.pool.calls.length, 0);
    assert.deepEqual(
      records.map(({ outcome, measuredInput, units }) => ({ outcome, measuredInput, input: units.input })),
      [{ outcome: 'client-left', measuredInput: 'none', input: 0 }],
    );
    assert.deepEqual(reservations, ['settled client-left']);
  });

  test('a client that left between two attempts pays for no second one', async () => {
    const written = Promise.withResolvers<void>();
    settling = () => written.promise;
    connections.pool.onCall = (call) => {
      answer(call, 500, '{}');
      call.handler.onResponseEnd?.(call.controller, {});
    };
    const running = run();
    await settled();
    presence.leave();
    written.resolve();
    await running;
    assert.equal(connections.pool.calls.length, 1);
    assert.equal(records.length, 1);
  });

  test('a journal that cannot be written does not keep the client waiting for ever', async () => {
    settling = () => new Promise(() => {});
    connections.pool.onCall = (call) => {
      answer(call, 400, '{}');
      call.handler.onResponseEnd?.(call.controller, {});
    };
    const running = run();
    await settled();
    clock.advance(10_000);
    assert.equal((await running)?.code, 'ledger_unavailable');
    assert.equal(records.length, 1, 'the journal has the record, and goes on trying');
    assert.deepEqual(reservations, ['held'], 'what nobody has recorded is not given back');
  });

  test('every attempt reserves for itself, says so in its record, and settles when the record counts', async () => {
    connections.pool.onCall = (call) => {
      answer(call, 500, '{}');
      call.handler.onResponseEnd?.(call.controller, {});
    };
    assert.equal((await run())?.code, 'upstream_unavailable');
    // No third endpoint is left to make use of the last one.
    assert.deepEqual(reservations, ['settled upstream-broke', 'settled upstream-broke', 'released']);
    assert.deepEqual(
      records.map(({ reservedNano }) => reservedNano),
      [7n, 7n],
    );
  });

  test('what was reserved for an attempt that the journal refuses is released', async () => {
    opening = () => Promise.reject(new Failure('ledger_unavailable', 'The disk is full.'));
    assert.equal((await run())?.code, 'ledger_unavailable');
    assert.deepEqual(reservations, ['released']);
  });

  test('an attempt that cannot be reserved for is not made: the first is refused, a second one leaves it at the first', async () => {
    const refused = new Failure('budget_exhausted', 'Nothing is left.');
    const before = limits;
    let asked = 0;
    limits = {
      ...limits,
      reserve(at) {
        asked += 1;
        if (asked > 1) throw refused;
        return before.reserve(at);
      },
    };
    connections.pool.onCall = (call) => {
      answer(call, 500, '{}');
      call.handler.onResponseEnd?.(call.controller, {});
    };
    assert.equal((await run())?.code, 'upstream_unavailable');
    assert.equal(connections.pool.calls.length, 1);
    assert.equal(await run(), refused);
    assert.equal(connections.pool.calls.length, 1);
  });
});
