// Two gateways under steady load while the server of their database dies, is replaced, refuses, or hangs.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { assertExact, ask, startGateways, SteadyLoad } from '../support/gateways-on-postgres.ts';
import { untilLogged } from '../support/logged.ts';
import { orSkip, startPostgres, type PostgresServer, type Standby } from '../support/postgres-server.ts';
import type { RunningStack } from '../support/running-gateway.ts';
import { until } from '../support/until.ts';

/** The standby has everything that was committed until now. */
async function hasFollowed(standby: Standby, primary: PostgresServer): Promise<void> {
  const [row] = await primary.ask('select pg_current_wal_lsn()::text as at');
  const reached = `select pg_last_wal_replay_lsn() >= '${String(row?.['at'])}' as reached`;
  await until(async () => (await standby.ask(reached))[0]?.['reached'] === true);
}

async function newKey(stack: RunningStack, name: string): Promise<string> {
  const { json, text } = await stack.admin('/admin/v1/subscriptions', {
    method: 'POST',
    body: { name, product: 'standard', consumer: name, costCentre: 'finance' },
  });
  assert.ok(json !== undefined, text);
  return (json as { keys: { primary: string } }).keys.primary;
}

const refusals = ['40001', '40P01', '55P03', '57014', '25006', '53100', '53200', '57P03', 'XX000', '08006'];

// They wait more than they work.
describe('two gateways whose PostgreSQL', { ...orSkip, concurrency: 2 }, () => {
  test('fails over to a standby that follows synchronously: every call is served, all is there once', async (context) => {
    const server = await startPostgres();
    const standby = await server.startStandby();
    await server.ask("alter system set synchronous_standby_names = '*'");
    await server.ask('select pg_reload_conf()');
    const gateways = await startGateways(context, server);
    const load = new SteadyLoad([gateways.one, gateways.other]);
    await load.goesOn(30);
    await server.stop('immediate');
    await load.goesOn(30);
    await standby.promote();
    gateways.address.leadTo(standby);
    await load.goesOn(30);
    await load.end();
    await assertExact(gateways);
  });

  test('fails over to a standby that lacks the latest: each gateway ships it again, one that has no calls any more as well', async (context) => {
    const server = await startPostgres();
    const standby = await server.startStandby();
    const gateways = await startGateways(context, server);
    const { one, other, address } = gateways;
    const first = new SteadyLoad([one, other]);
    await first.goesOn(30);
    await hasFollowed(standby, server);
    await standby.stopFollowing();
    await first.goesOn(30);
    await first.end();
    // All of it stands in a server that nobody will ever see again.
    await assertExact(gateways);
    await server.stop('immediate');
    const load = new SteadyLoad([other]);
    await load.goesOn(10);
    await standby.promote();
    address.leadTo(standby);
    await load.goesOn(10);
    await load.end();
    await assertExact(gateways);
    const both = { logged: () => one.logged() + other.logged() };
    await untilLogged(both, 'the store was put back: what it has lost is shipped again');
  });

  test('fails over without the latest changes of keys: what it has counts, for every gateway', async (context) => {
    const server = await startPostgres();
    const standby = await server.startStandby();
    const { one, other, address, database } = await startGateways(context, server);
    const [stays, revoked] = [await newKey(one, 'stays'), await newKey(one, 'revoked')];
    await until(async () => (await ask(other, revoked)) === 200 && (await ask(other, stays)) === 200);
    await hasFollowed(standby, server);
    await standby.stopFollowing();
    const lost = await newKey(one, 'lost');
    await until(async () => (await ask(other, lost)) === 200);
    await server.stop('immediate');
    assert.deepEqual([await ask(one, lost), await ask(other, stays)], [200, 200]);
    await standby.promote();
    // As many changes as were lost, made by somebody who is told first: the same number, and not the same directory.
    const suspend = "insert into directory_suspension values ('revoked')";
    await standby.ask(
      `${suspend}; update directory_version set version = version + 1, mark = gen_random_uuid()`,
      database.name,
    );
    address.leadTo(standby);
    for (const stack of [one, other]) {
      await until(async () => (await ask(stack, revoked)) === 403);
      await until(async () => (await ask(stack, lost)) === 401);
      assert.equal(await ask(stack, stays), 200);
    }
  });

  test('takes no writes for a while: every call is served, all is there once', async (context) => {
    const server = await startPostgres();
    const gateways = await startGateways(context, server);
    const load = new SteadyLoad([gateways.one, gateways.other]);
    await load.goesOn(30);
    await server.ask('alter system set default_transaction_read_only = on');
    await server.ask('select pg_reload_conf()');
    const bothAreTold = (): boolean =>
      [gateways.one, gateways.other].every((stack) => stack.logged().includes('The server takes no writes'));
    await until(bothAreTold);
    await load.goesOn(30);
    await server.ask('alter system reset default_transaction_read_only');
    await server.ask('select pg_reload_conf()');
    await load.goesOn(30);
    await load.end();
    await assertExact(gateways);
  });

  test('refuses batches with whatever a server may say: every call is served, all is there once', async (context) => {
    const server = await startPostgres();
    const gateways = await startGateways(context, server);
    const { name } = gateways.database;
    // A sequence is not rolled back, so that every try counts.
    await server.ask(
      `
      create sequence tries;
      grant all on sequence tries to public;
      create function refuse() returns trigger language plpgsql as $$
        declare try bigint := nextval('tries');
        begin
          if try <= ${refusals.length} then
            raise exception 'refused' using errcode = (array['${refusals.join("','")}'])[try];
          end if;
          return null;
        end $$;
      create constraint trigger refuse after insert or update on ledger_journal
        deferrable initially deferred for each row execute function refuse();`,
      name,
    );
    const load = new SteadyLoad([gateways.one, gateways.other]);
    const tries = async (): Promise<number> =>
      Number((await server.ask('select last_value from tries', name))[0]?.['last_value']);
    await until(async () => (await tries()) > refusals.length);
    await load.end();
    await assertExact(gateways);
  });
});
