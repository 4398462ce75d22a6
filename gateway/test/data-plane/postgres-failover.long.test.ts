// Two gateways under steady load while their database is away for as long as they wait for it.
import { describe, test } from 'node:test';
import { assertExact, startGateways, SteadyLoad } from '../support/gateways-on-postgres.ts';
import { orSkip, startPostgres } from '../support/postgres-server.ts';
import { until } from '../support/until.ts';

describe('two gateways whose PostgreSQL', orSkip, () => {
  test('dies under load and comes back later: every call is served, all is there once', async (context) => {
    const server = await startPostgres();
    const gateways = await startGateways(context, server);
    const load = new SteadyLoad([gateways.one, gateways.other]);
    for (let time = 0; time < 2; time += 1) {
      await load.goesOn(30);
      await server.stop('immediate');
      await load.goesOn(60);
      await server.start();
    }
    await load.goesOn(30);
    await load.end();
    await assertExact(gateways);
  });

  test('accepts connections and answers nothing: every call is served, all is there once', async (context) => {
    const server = await startPostgres();
    const gateways = await startGateways(context, server);
    const load = new SteadyLoad([gateways.one, gateways.other]);
    await load.goesOn(30);
    gateways.address.swallow();
    // One of each that listens, and one that writes.
    await until(() => gateways.address.swallowed() >= 2);
    await load.goesOn(60);
    gateways.address.restore();
    await load.goesOn(30);
    await load.end();
    await assertExact(gateways);
  });

  test('has no connection left for them: every call is served, all is there once', async (context) => {
    const server = await startPostgres();
    const gateways = await startGateways(context, server);
    const load = new SteadyLoad([gateways.one, gateways.other]);
    await load.goesOn(30);
    await server.ask('alter role tollgate connection limit 0');
    await server.ask("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'tollgate'");
    await until(() => /too many connections.*max_connections/.test(gateways.one.logged()));
    await load.goesOn(30);
    await server.ask('alter role tollgate connection limit -1');
    await load.goesOn(30);
    await load.end();
    await assertExact(gateways);
  });
});
