import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  counterListSchema,
  writeOffGatewaySchema,
  writtenOffGatewaySchema,
  type CountingGateway,
  type GatewayAccount,
} from '@tollgate/contract/admin-api/counters.ts';
import { fakeGateway, promised, refused } from '../../../test/support/fake-gateway.ts';
import { runCli } from '../../../test/support/run-cli.ts';

const account: GatewayAccount = {
  budget: 'consumer/marketing/year',
  unit: 'nano-usd',
  windowStart: '2026-01-01T00:00:00.000Z',
  windowEnd: '2027-01-01T00:00:00.000Z',
  granted: '60000000000',
  spent: '10000000000',
  unknown: '500000000',
  inFlight: '1500000000',
  outstanding: '49500000000',
};
const gone: CountingGateway = {
  journal: '01KAMZ6G00Q3V7B1N4T8XWY2ZC',
  self: false,
  heard: false,
  silentSeconds: 3600,
  accounts: [account],
};

test('counters list shows who is silent, and what is set aside for it', async (t) => {
  const self = { ...gone, journal: '01KAMZ6G00AAAAAAAAAAAAAAAA', self: true, heard: true, accounts: [] };
  const gateway = await fakeGateway(t, {
    'GET counters': promised(counterListSchema, { shared: true, gateways: [self, gone] }),
  });
  const { out, status } = await runCli(['counters', 'list'], gateway.environment);
  assert.equal(status, 0);
  assert.match(
    out,
    /^01KAMZ6G00Q3V7B1N4T8XWY2ZC +silent for 3600 s +consumer\/marketing\/year +2027-01-01T00:00:00\.000Z +60\.00 USD +10\.00 USD +0\.50 USD +1\.50 USD +49\.50 USD$/m,
  );
});

test('counters list says where there is nothing to list', async (t) => {
  const alone = await fakeGateway(t, { 'GET counters': promised(counterListSchema, { shared: false, gateways: [] }) });
  assert.match((await runCli(['counters', 'list'], alone.environment)).out, /counts for itself/);
  const idle = { shared: true, gateways: [{ ...gone, accounts: [] }] };
  const together = await fakeGateway(t, { 'GET counters': promised(counterListSchema, idle) });
  assert.match((await runCli(['counters', 'list'], together.environment)).out, /^1 gateways count together/);
});

test('counters write-off sends the reason, and tells what others may spend now', async (t) => {
  const gateway = await fakeGateway(t, {
    'POST counters/write-off': promised(writtenOffGatewaySchema, { journal: gone.journal, accounts: [account] }),
  });
  const args = ['counters', 'write-off', gone.journal, '--reason', 'node 7 is gone'];
  const { out } = await runCli(args, gateway.environment);
  assert.deepEqual(writeOffGatewaySchema.parse(gateway.asked[0]?.body), {
    journal: gone.journal,
    reason: 'node 7 is gone',
  });
  assert.match(out, /49\.50 USD$/m);
});

test('counters write-off tells why a gateway that is there cannot be written off', async (t) => {
  const gateway = await fakeGateway(t, {
    'POST counters/write-off': refused(409, { code: 'admin_conflict', message: 'It is there.', id: 'r' }),
  });
  const { err, status } = await runCli(['counters', 'write-off', 'x', '--reason', 'y'], gateway.environment);
  assert.equal(status, 1);
  assert.match(err, /It is there\./);
});
