// Reloads while calls are answered. The thread that loads is held where a test has to know that it is under way.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { checkConfiguration } from '#compose/gateway.ts';
import { freePort } from '../support/free-port.ts';
import { largeConfig } from '../support/large-config.ts';
import { call, configFor, keyOf, keys, startStack, type RunningStack } from '../support/running-gateway.ts';
import { until } from '../support/until.ts';

const configWorker = new URL('../support/held-config-worker.ts', import.meta.url);

interface Held extends RunningStack {
  /** Resolves when a reload has come to the thread, and waits there. */
  hold(): Promise<void>;
  letGo(): void;
  change(from: string, to: string): void;
}

async function heldStack(context: TestContext): Promise<Held> {
  const stack = await startStack(context, { overrides: { configWorker } });
  const { configFile } = stack;
  return {
    ...stack,
    async hold() {
      await until(() => existsSync(`${configFile}.held`), 'a reload in the thread');
    },
    letGo: () => rmSync(`${configFile}.hold`),
    change(from, to) {
      const before = readFileSync(configFile, 'utf8');
      assert.ok(before.includes(from));
      writeFileSync(configFile, before.replace(from, to));
    },
  };
}

const chat = async (stack: RunningStack, model = 'gpt-5.4-mini', key: string = keys.marketing): Promise<number> =>
  (
    await call(`${stack.url}/openai/v1/chat/completions`, {
      headers: { 'api-key': key },
      body: { model, messages: [{ role: 'user', content: 'Hello twin:tokens=5' }] },
    })
  ).status;

const reload = async (stack: RunningStack): Promise<{ ok: boolean; problems: string[] }> =>
  (await stack.admin('/admin/v1/config/reload', { method: 'POST' })).json as { ok: boolean; problems: string[] };

suite('a reload', () => {
  test('holds up no call: those that come while it is loaded are answered under the old configuration', async (context) => {
    const stack = await heldStack(context);
    writeFileSync(`${stack.configFile}.hold`, '');
    stack.change('models: [gpt-5.4-mini, gpt-5-mini,', 'models: [gpt-5-mini,');
    let isOver = false;
    const outcome = reload(stack).finally(() => {
      isOver = true;
    });
    await stack.hold();
    for (let one = 0; one < 20; one += 1) assert.equal(await chat(stack), 200);
    assert.equal(isOver, false);
    stack.letGo();
    assert.deepEqual(await outcome, { ok: true, problems: [] });
    assert.equal(await chat(stack), 403, 'and the next under the new one');
  });

  test('that is asked for many times while one is under way is done once more, and sees what was written last', async (context) => {
    const stack = await heldStack(context);
    writeFileSync(`${stack.configFile}.hold`, '');
    stack.change('name: Marketing', 'name: First');
    const first = reload(stack);
    await stack.hold();
    stack.change('name: First', 'name: Second');
    const others = Array.from({ length: 30 }, () => reload(stack));
    stack.letGo();
    for (const outcome of await Promise.all([first, ...others])) assert.deepEqual(outcome, { ok: true, problems: [] });
    const { text } = await stack.admin('/admin/v1/config');
    assert.match(text, /"name":"Second"/);
    assert.equal(stack.logged().split('"msg":"listening"').length, 2);
  });

  test('tells a mistake as a check does, with its place and what to do, and the old one stays', async (context) => {
    const stack = await heldStack(context);
    stack.change('organisation: contoso', 'organization: contoso\nendpints: {}');
    stack.change('models: [text-embedding-3-small]', 'models: [text-embedding-3-smal]');
    const environment = {
      TEST_TWIN_KEY: 'k',
      TEST_KEY_MARKETING: keys.marketing,
      TEST_KEY_FINANCE: keys.finance,
      TEST_KEY_SMALL: keyOf('small'),
    };
    const checked = checkConfiguration({
      configFile: stack.configFile,
      dataFolder: stack.dataFolder,
      port: 0,
      adminPort: 0,
      checkOnly: true,
      environment,
    });
    const outcome = await reload(stack);
    assert.equal(outcome.ok, false);
    assert.ok(outcome.problems.length >= 3, outcome.problems.join('\n'));
    assert.deepEqual(outcome.problems, checked.problems);
    assert.equal(await chat(stack), 200);
  });

  test('of which the thread dies changes nothing, says so, and the next one is as good as ever', async (context) => {
    const stack = await heldStack(context);
    stack.change('name: Marketing', 'name: Other');
    writeFileSync(`${stack.configFile}.die`, '');
    const outcome = await reload(stack);
    assert.equal(outcome.ok, false);
    assert.match(
      outcome.problems.join('\n'),
      /it could not be loaded: The configuration worker ended: exit code 7\. Reload/,
    );
    assert.equal(await chat(stack), 200);
    rmSync(`${stack.configFile}.die`);
    assert.deepEqual(await reload(stack), { ok: true, problems: [] });
  });

  test('with a password that is none changes nothing at all, and says which', async (context) => {
    const files = { password: '' };
    const stack = await startStack(context, {
      config(twin) {
        files.password = path.join(mkdtempSync(path.join(tmpdir(), 'tollgate-reload-')), 'password');
        writeFileSync(files.password, 'the-first');
        return `${configFor(twin)}counters: { redis: { url: '\${TEST_REDIS_URL}', password: { file: '${files.password}' } } }\n`;
      },
      // Nobody listens there: without limits nothing is asked of it.
      environment: { TEST_REDIS_URL: `redis://127.0.0.1:${await freePort()}` },
    });
    context.after(() => rmSync(path.dirname(files.password), { recursive: true }));
    writeFileSync(files.password, 'x'.repeat(40_000));
    const before = readFileSync(stack.configFile, 'utf8');
    writeFileSync(stack.configFile, before.replace('models: [gpt-5.4-mini, gpt-5-mini,', 'models: [gpt-5-mini,'));
    const { ok, problems } = await reload(stack);
    assert.equal(ok, false);
    assert.match(problems.join('\n'), /tollgate\.yaml sets a password for counters that is far too long/);
    assert.equal(await chat(stack), 200, 'not under half of the new one');
    writeFileSync(files.password, 'the-second');
    assert.equal((await reload(stack)).ok, true);
    assert.equal(await chat(stack), 403);
  });

  test('that hangs does not hold up a drain', async (context) => {
    const stack = await heldStack(context);
    writeFileSync(`${stack.configFile}.hold`, '');
    stack.change('name: Marketing', 'name: Other');
    await stack.hold();
    await stack.gateway.drain('test');
    assert.ok(!stack.logged().includes('was not reloaded'), stack.logged());
  });
});

test('an organisation of 20,000 cost centres is reloaded whole: limits, callers and paths of the new file', async (context) => {
  const made = { twin: '' };
  const size = { costCentres: 20_000, subscriptions: 200 };
  const { environment } = largeConfig('', size);
  const stack = await startStack(context, {
    environment,
    config(twin) {
      made.twin = twin;
      return largeConfig(twin, size).text;
    },
  });
  const { text } = largeConfig(made.twin, size);
  assert.equal(await chat(stack, 'gpt-5.4-mini', keyOf('key-7')), 200);
  writeFileSync(
    stack.configFile,
    text
      .replace('costCentre: cost-centre-700\n', 'costCentre: cost-centre-19999\n    limits: { requestsPerMinute: 1 }\n')
      .replace('    consumer: team-8\n', '    consumer: team-8\n    suspended: true\n'),
  );
  assert.deepEqual(await reload(stack), { ok: true, problems: [] });
  const statuses = [
    await chat(stack, 'gpt-5.4-mini', keyOf('key-7')),
    await chat(stack, 'gpt-5.4-mini', keyOf('key-7')),
  ];
  assert.deepEqual(statuses, [200, 429], 'its new limit');
  assert.equal(await chat(stack, 'gpt-5.4-mini', keyOf('key-8')), 403, 'suspended');
  const { json } = await stack.admin('/admin/v1/subscriptions/subscription-7');
  assert.match(JSON.stringify(json), /contoso\/cost-centre-19900\/cost-centre-19990\/cost-centre-19999/);
  const budgets = await stack.admin('/admin/v1/budgets?node=cost-centre/cost-centre-19999');
  assert.match(budgets.text, /cost-centre\/cost-centre-19999\/month/);
});
