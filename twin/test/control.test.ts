// The twin's own interface, its pace, and its program.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { suite, test, type TestContext } from 'node:test';
import { ManualClock } from './support/manual-clock.ts';
import { call, chatPath, json, say, twinFor } from './support/call.ts';

void suite('/_twin', () => {
  test('usage has the shape that others rely on, and needs no key', async (context) => {
    const twin = await twinFor(context);
    await call(twin, { path: chatPath, body: say('x'), headers: { 'x-ms-client-request-id': 'a1' } });
    const report = json(await call(twin, { path: '/_twin/usage', headers: { 'api-key': '' } }));
    const [attempt] = report.attempts;
    for (const name of ['inputTokens', 'cachedInputTokens', 'outputTokens', 'reasoningTokens']) {
      assert.ok(Number.isInteger(attempt[name]), name);
      assert.equal(report.total[name], attempt[name]);
    }
    assert.deepEqual(
      [attempt.id, attempt.deployment, attempt.operation, attempt.stream, attempt.status, attempt.complete],
      ['a1', 'gpt-5.4-mini', 'chat.completions', false, 200, true],
    );
    assert.equal(report.total.requests, 1);
  });

  test('an attempt without an id of its own gets a fresh one', async (context) => {
    const twin = await twinFor(context);
    await call(twin, { path: chatPath, body: say('x') });
    await call(twin, { path: chatPath, body: say('x') });
    const ids = twin.usage().attempts.map((one) => one.id);
    assert.equal(new Set(ids).size, 2);
  });

  test('?since= gives what came after a cursor', async (context) => {
    const twin = await twinFor(context);
    await call(twin, { path: chatPath, body: say('x') });
    const { cursor } = json(await call(twin, { path: '/_twin/usage' }));
    await call(twin, { path: chatPath, body: say('y') });
    const later = json(await call(twin, { path: `/_twin/usage?since=${cursor}` }));
    assert.equal(later.attempts.length, 1);
    assert.equal(later.total.requests, 1);
  });

  test('faults are added, counted and removed', async (context) => {
    const twin = await twinFor(context);
    const fault = { kind: 'status', status: 500, times: 2, match: { stream: false } };
    const added = await call(twin, { path: '/_twin/faults', body: fault });
    assert.equal(added.status, 201);
    await call(twin, { path: chatPath, body: say('x') });
    const [listed] = json(await call(twin, { path: '/_twin/faults' })).faults;
    assert.deepEqual([listed.id, listed.used, listed.left], [json(added).id, 1, 1]);
    await call(twin, { path: '/_twin/faults', method: 'DELETE' });
    assert.equal((await call(twin, { path: chatPath, body: say('x') })).status, 200);
  });

  test('a held reply shows, and is released', async (context) => {
    const twin = await twinFor(context);
    await call(twin, { path: '/_twin/faults', body: { kind: 'slow-first-byte' } });
    const pending = call(twin, { path: chatPath, body: say('x') });
    while (json(await call(twin, { path: '/_twin/health' })).held === 0);
    assert.deepEqual(json(await call(twin, { path: '/_twin/release', method: 'POST' })), { released: 1 });
    assert.equal((await pending).status, 200);
  });

  test('says what is wrong with a fault, and what it has', async (context) => {
    const twin = await twinFor(context);
    const bad = await call(twin, { path: '/_twin/faults', body: { kind: 'status', status: 200, when: 'now' } });
    assert.equal(bad.status, 400);
    assert.match(json(bad).error, /status/);
    const lost = await call(twin, { path: '/_twin/nothing' });
    assert.equal(lost.status, 404);
    assert.ok(json(lost).endpoints.includes('POST /_twin/faults'));
  });

  test('deployments are listed with what is left of their limits', async (context) => {
    const twin = await twinFor(context);
    const { resources } = json(await call(twin, { path: '/_twin/deployments' }));
    const listed = resources.map((one: { name: string; deployments: { name: string }[] }) => [
      one.name,
      one.deployments.map((deployment) => deployment.name),
    ]);
    assert.deepEqual(listed, [
      ['contoso-weu', ['gpt-5.4-mini', 'text-embedding-3-small', 'gpt-54-mini-ptu']],
      ['contoso-swc', ['gpt-5.4-mini', 'text-embedding-3-small', 'gpt-5-mini']],
    ]);
    assert.equal(resources[0].deployments[2].headers['azure-openai-deployment-utilization'], '0.0%');
  });

  test('a reset forgets record, faults, caches and windows', async (context) => {
    const twin = await twinFor(context, { clock: new ManualClock() });
    twin.limit({ requestsPerMinute: 1 });
    const long = { path: chatPath, body: say('word '.repeat(1200)) };
    await call(twin, long);
    twin.addFault({ kind: 'status', status: 500 });
    await call(twin, { path: '/_twin/reset', method: 'POST' });
    const again = await call(twin, long);
    assert.equal(again.status, 200);
    assert.equal(json(again).usage.prompt_tokens_details.cached_tokens, 0);
    assert.equal(twin.usage().attempts.length, 1);
  });
});

void suite('pace', () => {
  const latency = { timeToFirstTokenMs: 1000, tokensPerSecond: 10, jitter: 0 };
  const body = say('twin:tokens=30', { reasoning_effort: 'none' });

  test('the first token comes after its time, the others at their rate', async (context) => {
    const clock = new ManualClock();
    const twin = await twinFor(context, { clock, latency });
    const pending = call(twin, { path: chatPath, body: { ...body, stream: true } });
    await clock.waitedFor();
    clock.advance(999);
    assert.ok(clock.pending > 0, 'still reading the prompt');
    clock.advance(1);
    let ms = 1000;
    while (twin.usage().running > 0) {
      if (clock.pending === 0) await clock.turn();
      else {
        clock.advance(50);
        ms += 50;
      }
    }
    assert.equal((await pending).status, 200);
    assert.ok(Math.abs(ms - 4000) <= 100, `${ms} ms on its clock for 30 tokens`);
  });

  test('a caller that leaves an unstreamed reply stops the model', async (context) => {
    const clock = new ManualClock();
    const twin = await twinFor(context, { clock, latency });
    const controller = new AbortController();
    const left = fetch(`${twin.url}${chatPath}`, {
      method: 'POST',
      headers: { 'api-key': twin.key },
      body: JSON.stringify(say('twin:tokens=500', { reasoning_effort: 'none' })),
      signal: controller.signal,
    });
    for (const ms of [1000, 1600, 1600]) {
      await clock.waitedFor();
      clock.advance(ms);
    }
    await clock.waitedFor();
    controller.abort();
    await assert.rejects(left);
    while (twin.usage().running > 0) await clock.turn();
    const [attempt] = twin.usage().attempts;
    assert.equal(attempt?.status, 0);
    assert.equal(attempt.complete, false);
    assert.ok(attempt.outputTokens >= 32 && attempt.outputTokens < 100, String(attempt.outputTokens));
  });
});

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly error: string;
}

const main = join(import.meta.dirname, '../src/main.ts');

async function run(
  context: TestContext,
  args: readonly string[],
  once?: (line: string) => Promise<void>,
): Promise<Ran> {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  context.after(() => child.kill('SIGKILL'));
  let out = '';
  let error = '';
  child.stderr.on('data', (chunk: Buffer) => {
    error += chunk.toString();
  });
  const lines = createInterface(child.stdout);
  lines.on('line', (line) => {
    out += `${line}\n`;
    if (line.includes('listens on')) void once?.(line).then(() => child.kill('SIGTERM'));
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, out, error };
}

void suite('program', () => {
  test('says where it listens, prints usage when asked, and ends on SIGTERM with 0', async (context) => {
    const folder = await mkdtemp(join(tmpdir(), 'twin-config-'));
    context.after(() => rm(folder, { recursive: true }));
    const config = join(folder, 'twin.json');
    const resources = { mine: { region: 'eastus', key: 'k2', deployments: { d: { model: 'gpt-5.4-mini' } } } };
    await writeFile(config, JSON.stringify({ resources, seed: 5 }));
    const ran = await run(context, ['--port', '0', '--config', config, '--print-usage'], async (line) => {
      const url = /http:\/\/[^ ]+/.exec(line)?.[0];
      const reply = await fetch(`${url}/mine${chatPath}`, {
        method: 'POST',
        headers: { 'api-key': 'k2' },
        body: JSON.stringify({ ...say('Hello'), model: 'd' }),
      });
      assert.equal(reply.status, 200);
      await reply.text();
    });
    assert.equal(ran.code, 0);
    assert.match(ran.out, /"deployment":"d"/);
  });

  test('says all that is wrong with a configuration', async (context) => {
    const folder = await mkdtemp(join(tmpdir(), 'twin-config-'));
    context.after(() => rm(folder, { recursive: true }));
    const config = join(folder, 'twin.json');
    await writeFile(config, JSON.stringify({ seeds: 5, resources: { mine: { region: 'x', deployments: { d: {} } } } }));
    const ran = await run(context, ['--port', '0', '--config', config]);
    assert.equal(ran.code, 1);
    assert.match(ran.error, /seeds/);
    assert.match(ran.error, /model/);
  });

  test('explains itself', async (context) => {
    const ran = await run(context, ['--help']);
    assert.equal(ran.code, 0);
    for (const flag of ['--port', '--address', '--key', '--seed', '--latency', '--replay', '--config', '--print-usage'])
      assert.ok(ran.out.includes(flag), flag);
  });
});
