// Load on a gateway that is killed again and again on one data folder, and what must be true of the ledger afterwards.
import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { StoredRecord } from '#accounting/ledger/ports.ts';
import type { LedgerVerification } from '@tollgate/contract/admin-api/operations.ts';
import { startTwin, type RunningTwin } from '../../../twin/src/server.ts';
import type { StoreUnderKills } from './stores.ts';
import type { KillPoint } from './victim-points.ts';
import { configFor, keyOf, keys } from '../support/running-gateway.ts';

/** What a client saw of one request. */
interface Seen {
  readonly requestId: string;
  /** It saw the terminal event, or the whole body. */
  readonly whole: boolean;
}

interface Living {
  readonly child: ChildProcess;
  readonly port: number;
  readonly adminPort: number;
}

export interface Campaign {
  /** Runs a gateway under load until it is dead. `at`: a named point, or a number of events after which the test kills it. */
  kill(at: { readonly point: KillPoint; readonly count: number } | { readonly afterEvents: number }): Promise<void>;
  /** Starts it once more, drains it, and checks everything that was promised. */
  conclude(): Promise<{ readonly whole: number; readonly lost: number; readonly attempts: number }>;
  close(): Promise<void>;
}

const parallel = 6;

function bodyOf(index: number): object {
  return {
    model: index % 5 === 4 ? 'gpt-5-mini' : 'gpt-5.4-mini',
    stream: index % 3 !== 0,
    messages: [{ role: 'user', content: `Call ${index}: tell something. twin:tokens=${20 + (index % 7) * 15}` }],
  };
}

/** One call; resolves whatever happens to the gateway. */
function callOnce(port: number, index: number, onEvent: () => void): Promise<Seen | undefined> {
  const body = bodyOf(index);
  return new Promise((resolve) => {
    const request = httpRequest(
      {
        port,
        host: '127.0.0.1',
        method: 'POST',
        path: '/openai/v1/chat/completions',
        agent: false,
        headers: { 'content-type': 'application/json', 'api-key': keys.marketing },
      },
      (response) => {
        let text = '';
        const requestId = String(response.headers['x-request-id']);
        const stream = String(response.headers['content-type']).startsWith('text/event-stream');
        const done = (): void => {
          const whole = stream ? text.includes('data: [DONE]') : response.complete;
          resolve(response.statusCode === 200 ? { requestId, whole } : undefined);
        };
        response.on('data', (chunk: Buffer) => {
          text += chunk.toString('latin1');
          onEvent();
        });
        response.once('end', done);
        response.once('error', done);
        response.once('close', done);
      },
    );
    request.once('error', () => resolve(undefined));
    request.end(JSON.stringify(body));
  });
}

export async function startCampaign(store: StoreUnderKills): Promise<Campaign> {
  const twin = await startTwin({
    latency: { tokensPerSecond: 4000, timeToFirstTokenMs: 2, jitter: 0.5 },
    key: 'twin-key-of-the-test',
  });
  const folder = mkdtempSync(path.join(tmpdir(), 'tollgate-kill-'));
  const configFile = path.join(folder, 'tollgate.yaml');
  const dataFolder = path.join(folder, 'data');
  writeFileSync(
    configFile,
    configFor(twin.url, { ledger: `, segmentBytes: 256KiB, archive: { after: 0ms }${store.config}` }),
  );
  const seen: Seen[] = [];
  let index = 0;

  const start = async (killAt: string): Promise<Living | undefined> => {
    const child = fork(new URL('./victim.ts', import.meta.url), ['--config', configFile, '--data', dataFolder], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: {
        ...process.env,
        TOLLGATE_PORT: '0',
        TOLLGATE_ADMIN_PORT: '0',
        TEST_KILL_AT: killAt,
        TEST_TWIN_KEY: twin.key,
        TEST_KEY_MARKETING: keys.marketing,
        TEST_KEY_FINANCE: keys.finance,
        TEST_KEY_SMALL: keyOf('small'),
        ...store.environment,
      },
    });
    let complaints = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      complaints += chunk.toString();
    });
    const ports = await Promise.race([
      once(child, 'message').then(([message]) => message as { port: number; adminPort: number }),
      once(child, 'exit').then(() => undefined),
    ]);
    // A start ships what the last life left in the journal, and may be killed over it: one more kill at a named point.
    if (ports === undefined && child.signalCode === 'SIGKILL') return undefined;
    if (ports === undefined) throw new Error(`The gateway did not start: ${complaints}`);
    return { child, ...ports };
  };

  const load = async (living: Living, onEvent: () => void): Promise<void> => {
    const over = once(living.child, 'exit');
    const isDead = (): boolean => living.child.exitCode !== null || living.child.signalCode !== null;
    const worker = async (): Promise<void> => {
      while (!isDead()) {
        index += 1;
        const result = await callOnce(living.port, index, onEvent);
        if (result !== undefined) seen.push(result);
        // A refused connection answers at once: let the exit be heard.
        else
          await new Promise((resolve) => {
            setImmediate(resolve);
          });
      }
    };
    await Promise.all([over, ...Array.from({ length: parallel }, worker)]);
  };

  return {
    async kill(at) {
      const named = 'point' in at;
      const living = await start(named ? `${at.point}:${at.count}` : '');
      if (living === undefined) return;
      let events = named ? Number.POSITIVE_INFINITY : at.afterEvents;
      await load(living, () => {
        events -= 1;
        if (events === 0) living.child.kill('SIGKILL');
      });
    },
    async conclude() {
      const living = await start('');
      assert.ok(living);
      const token = readToken(dataFolder);
      const verified = await fetch(`http://127.0.0.1:${living.adminPort}/admin/v1/ledger/verify`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}` },
      });
      const verification = (await verified.json()) as LedgerVerification;
      living.child.kill('SIGTERM');
      await once(living.child, 'exit');
      await untilQuiet(twin);
      return check({ twin, seen, verification, records: await store.records(dataFolder) });
    },
    async close() {
      await twin.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function readToken(dataFolder: string): string {
  return readFileSync(path.join(dataFolder, 'admin-token'), 'utf8').trim();
}

async function untilQuiet(twin: RunningTwin): Promise<void> {
  while (twin.usage().running > 0) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

interface Evidence {
  readonly twin: RunningTwin;
  readonly seen: readonly Seen[];
  readonly verification: LedgerVerification;
  readonly records: readonly StoredRecord[];
}

/** Each fully received reply once with the twin's tokens; every other attempt once, marked, and never above what was generated. */
function check({ twin, seen, verification, records }: Evidence): { whole: number; lost: number; attempts: number } {
  assert.deepEqual(verification.problems, []);
  const byId = new Map(records.map((record) => [record.id, record]));
  assert.equal(byId.size, records.length, 'every attempt is there once');
  const generated = new Map(twin.usage().attempts.map((attempt) => [attempt.id, attempt]));
  for (const id of generated.keys())
    assert.ok(byId.has(id), `the attempt ${id}, which reached the upstream, is in the ledger`);

  const completedByRequest = new Map(
    records.filter((record) => record.outcome === 'completed').map((record) => [record.requestId, record]),
  );
  const whole = seen.filter((one) => one.whole);
  for (const { requestId } of whole) {
    const record = completedByRequest.get(requestId);
    assert.ok(record, `the reply to ${requestId}, which was fully received, is in the ledger`);
    const truth = generated.get(record.id);
    assert.ok(truth);
    const { units } = record;
    assert.deepEqual(
      [units.input, units.cachedInput, units.output, units.reasoning, record.measuredInput, record.measuredOutput],
      [truth.inputTokens, truth.cachedInputTokens, truth.outputTokens, truth.reasoningTokens, 'reported', 'reported'],
    );
  }
  for (const record of records) {
    const truth = generated.get(record.id);
    if (record.outcome === 'completed') continue;
    assert.notEqual(record.measuredOutput, 'reported');
    if (record.units.output !== null)
      assert.ok(record.units.output <= (truth?.outputTokens ?? 0), 'never more than was generated');
  }
  return {
    whole: whole.length,
    lost: records.filter((record) => record.outcome === 'gateway-lost').length,
    attempts: records.length,
  };
}
