// A gateway whose journal another one has: alive, and good for nothing.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { startTwin } from '../../../twin/src/server.ts';
import { postgresUnderKills } from '../kill/stores.ts';
import { startGatewayProcess } from '../support/gateway-process.ts';
import { orSkip } from '../support/postgres-server.ts';
import { call, configFor, keyOf, keys } from '../support/running-gateway.ts';

test(
  'a gateway whose journal was taken over ends by itself, so that its platform starts another',
  orSkip,
  async (context) => {
    const { config, environment } = await postgresUnderKills();
    const twin = await startTwin({ key: 'twin-key-of-the-test' });
    context.after(async () => await twin.close());
    const gateway = await startGatewayProcess(context, {
      config: configFor(twin.url, { ledger: `, adoptAfter: 5s${config}` }),
      environment: {
        ...environment,
        TOLLGATE_REPLICA: 'one',
        TEST_TWIN_KEY: twin.key,
        TEST_KEY_MARKETING: keys.marketing,
        TEST_KEY_FINANCE: keys.finance,
        TEST_KEY_SMALL: keyOf('small'),
      },
    });
    const answer = await call(`${gateway.url}/openai/v1/chat/completions`, {
      headers: { 'api-key': keys.marketing },
      body: { model: 'gpt-5.4-mini', messages: [{ role: 'user', content: 'Hello twin:tokens=7' }] },
    });
    assert.equal(answer.status, 200, answer.body);
    // What an adopter that is sure of itself leaves behind.
    writeFileSync(path.join(gateway.dataFolder, 'journal', 'one', 'lease'), 'somebody else 1\n');
    assert.equal(await gateway.exited, 1);
  },
);
