import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { alertMigrations, sqlAlertStore } from '#adapters/sql/alert-store.ts';
import { migrate } from '#adapters/sqlite/migrate.ts';
import { openSqlite } from '#adapters/sqlite/open.ts';
import { createWebhookSender } from '#adapters/webhook-sender/webhook-sender.ts';
import { systemClock } from '#kernel/clock.ts';
import { silentLog } from '#kernel/log.ts';
import { Metrics } from '#kernel/metrics.ts';
import { Secret } from '#kernel/secret.ts';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import {
  isSigned,
  newWebhookSecret,
  startWebhookReceiver,
  type WebhookReceiver,
} from '../../../test/support/webhook-receiver.ts';
import { until } from '../../../test/support/until.ts';
import type { WebhookSettings } from './config.ts';
import { Deliveries } from './deliveries.ts';
import { alertInstruments } from './instruments.ts';
import type { Alert, AlertStore, ListedDelivery } from './ports.ts';

const body = '{"type":"budget.threshold","data":{"threshold":50}}';

interface Bench {
  readonly clock: ManualClock;
  readonly store: AlertStore;
  readonly receiver: WebhookReceiver;
  readonly settings: Record<string, WebhookSettings>;
  readonly metrics: Metrics;
  readonly secret: string;
  /** As after a restart: only the store is kept. */
  readonly start: () => Deliveries;
  readonly add: (name: string, receivers?: readonly string[]) => Promise<void>;
  readonly deliveries: (name: string) => Promise<readonly ListedDelivery[]>;
}

/** A store in memory, and a receiver that is a real server. `timeout`: of a try that is to get no answer. */
async function bench(context: TestContext, timeout = 30_000): Promise<Bench> {
  const clock = new ManualClock();
  const database = openSqlite({ path: ':memory:', durability: 'process' });
  await migrate(database, { component: 'alerts', migrations: alertMigrations });
  const store = sqlAlertStore({ database: database.kysely, shared: false });
  const receiver = await startWebhookReceiver(context);
  const sender = createWebhookSender(systemClock);
  context.after(async () => {
    await sender.close();
    await database.close();
  });
  const secret = newWebhookSecret();
  const settings: Record<string, WebhookSettings> = {
    finance: {
      url: receiver.url,
      secret: new Secret({ text: secret }),
      events: ['budget.threshold', 'budget.exhausted'],
      timeout,
    },
  };
  const metrics = new Metrics();
  const instruments = alertInstruments(metrics);
  return {
    clock,
    store,
    receiver,
    settings,
    metrics,
    secret,
    start: () =>
      new Deliveries({
        store,
        sender,
        receivers: () => settings,
        clock,
        random: { next: () => 0 },
        log: silentLog,
        instruments,
      }),
    async add(name, receivers = ['finance']) {
      const alert: Alert = {
        id: `evt_${name}`,
        type: 'budget.threshold',
        at: clock.now(),
        budget: 'consumer/marketing/month',
        windowEnd: clock.now() + 1e9,
        body,
      };
      await store.add(alert, { receivers, mostKept: 100 });
    },
    async deliveries(name) {
      const page = await store.page({ before: null, limit: 100 });
      return page.find(({ id }) => id === `evt_${name}`)?.deliveries ?? [];
    },
  };
}

/** The first may have begun on its own while the clock was moved. */
async function worked(deliveries: Deliveries): Promise<void> {
  await deliveries.work();
  await deliveries.work();
}

test('posts an event once, signed, with its id and when it was sent', async (context) => {
  const { clock, receiver, start, add, secret, deliveries } = await bench(context);
  await add('one');
  const running = start();
  await worked(running);
  clock.advance(5000);
  await worked(running);
  assert.equal(receiver.received.length, 1);
  const [received] = receiver.received;
  assert.ok(received !== undefined && isSigned(received, secret));
  assert.equal(received.id, 'evt_one');
  assert.equal(received.body, body);
  assert.equal(received.headers['webhook-timestamp'], String(clock.start / 1000));
  assert.equal(received.headers['content-type'], 'application/json');
  assert.equal((await deliveries('one'))[0]?.state, 'delivered');
});

for (const [how, error] of [
  [500, 'answered 500'],
  [404, 'answered 404'],
  // Whoever is redirected has to change the configuration: a signature is for one receiver.
  [307, 'answered 307'],
  ['hang', 'no answer within 1000 ms'],
  ['reset', 'no answer (UND_ERR_SOCKET)'],
] as const) {
  test(`a receiver that does ${how} is tried again, with the same id and body and a new timestamp`, async (context) => {
    const { clock, receiver, start, add, secret, deliveries, settings } = await bench(
      context,
      how === 'hang' ? 1_000 : 30_000,
    );
    receiver.behave(how, how);
    await add('one');
    const running = start();
    await worked(running);
    const [waiting] = await deliveries('one');
    assert.deepEqual(waiting, {
      receiver: 'finance',
      state: 'waiting',
      attempts: 1,
      nextAt: clock.start + 5000,
      error,
    });
    await worked(running);
    assert.equal(receiver.received.length, 1, 'not before it is due');
    clock.advance(5000);
    await worked(running);
    // The next try is answered, however long that takes.
    for (const one of Object.values(settings)) Object.assign(one, { timeout: 30_000 });
    clock.advance(30_000);
    await worked(running);
    assert.equal((await deliveries('one'))[0]?.state, 'delivered');
    assert.deepEqual(new Set(receiver.received.map((one) => `${one.id} ${one.body}`)).size, 1);
    assert.deepEqual(
      receiver.received.map((one) => Number(one.headers['webhook-timestamp']) - clock.start / 1000),
      [0, 5, 35],
    );
    assert.ok(receiver.received.every((one) => isSigned(one, secret)));
  });
}

test('a receiver that never answers well is given up after three days, and one that is gone at once', async (context) => {
  const { clock, receiver, start, add, deliveries, metrics } = await bench(context);
  receiver.behave(...Array.from({ length: 13 }, () => 503));
  await add('one');
  const running = start();
  for (let day = 0; day < 13; day += 1) {
    await worked(running);
    clock.advance(24 * 3_600_000);
  }
  await worked(running);
  const [given] = await deliveries('one');
  assert.deepEqual([given?.state, given?.attempts, receiver.received.length], ['given-up', 13, 13]);
  receiver.behave(410);
  await add('gone');
  await worked(running);
  assert.equal((await deliveries('gone'))[0]?.state, 'given-up');
  assert.match(metrics.render(), /tollgate_webhook_tries_total\{receiver="finance",outcome="given-up"\} 2/);
});

test('what waits is delivered by the process that comes after, also what was being sent when the first one died', async (context) => {
  const { clock, receiver, start, add, store, deliveries } = await bench(context);
  await add('one');
  await add('two');
  // The first process has taken one of them, and is heard of no more.
  const now = clock.now();
  await store.take({ receivers: ['finance'], now, until: now + 30_200, limit: 1 });
  const after = start();
  await worked(after);
  assert.equal(receiver.received.length, 1);
  clock.advance(30_200);
  await worked(after);
  assert.deepEqual(new Set(receiver.received.map(({ id }) => id)), new Set(['evt_one', 'evt_two']));
  assert.equal((await deliveries('two'))[0]?.state, 'delivered');
});

test('a receiver that has much to take and answers nothing keeps no other one waiting', async (context) => {
  const { clock, store, add, settings, metrics } = await bench(context);
  const { finance } = settings;
  assert.ok(finance !== undefined);
  settings['platform'] = { ...finance, url: 'https://platform.example.com/' };
  const sent = { finance: 0, platform: 0 };
  const silent = Promise.withResolvers<number>();
  const running = new Deliveries({
    store,
    sender: {
      async post({ url }) {
        sent[url === finance.url ? 'finance' : 'platform'] += 1;
        return url === finance.url ? await silent.promise : 204;
      },
      close: async () => await Promise.resolve(),
    },
    receivers: () => settings,
    clock,
    random: { next: () => 0 },
    log: silentLog,
    instruments: alertInstruments(metrics),
  });
  for (let event = 0; event < 30; event += 1) await add(`event-${event}`, ['finance', 'platform']);
  clock.advance(1000);
  await until(() => sent.platform === 30);
  await add('later', ['finance', 'platform']);
  clock.advance(1000);
  await until(() => sent.platform === 31);
  assert.equal(sent.finance, 8);
  silent.resolve(204);
  await running.close();
});

test('receivers do not hold each other up, and one that was taken out of the configuration finds its events later', async (context) => {
  const { clock, receiver, start, add, settings, deliveries, secret } = await bench(context, 1_000);
  const other = await startWebhookReceiver(context);
  const old = newWebhookSecret();
  const { finance } = settings;
  assert.ok(finance !== undefined);
  receiver.behave('hang');
  await add('one', ['finance', 'platform']);
  const patient = { ...finance, timeout: 30_000 };
  settings['platform'] = { ...patient, url: other.url, previousSecret: new Secret({ text: old }) };
  delete settings['finance'];
  const running = start();
  await worked(running);
  assert.equal(other.received.length, 1);
  const [received] = other.received;
  assert.ok(
    received !== undefined && isSigned(received, old) && isSigned(received, secret),
    'signed with both secrets',
  );
  settings['finance'] = patient;
  await worked(running);
  clock.advance(5000);
  await worked(running);
  assert.deepEqual(
    (await deliveries('one')).map(({ state }) => state),
    ['delivered', 'delivered'],
  );
});
