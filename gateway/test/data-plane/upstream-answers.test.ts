import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { DeploymentList, EndpointHealth } from '@tollgate/contract/admin-api/routing.ts';
import type { FaultInput } from '../../../twin/src/faults/fault.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { always } from '../support/routing.ts';
import {
  call,
  configFor,
  eventsOf,
  keys,
  startStack,
  type Answer,
  type RunningStack,
} from '../support/running-gateway.ts';
import { until } from '../support/until.ts';

/** Each case makes so many calls: as many failures in a row break an endpoint. */
const calls = 5;

interface Case {
  readonly what: string;
  readonly fault: FaultInput;
  readonly stream: boolean;
  /** What each client gets. `code`: of the error body, or of the error event of a stream. */
  readonly client: { readonly status: number; readonly code?: string };
  readonly state: EndpointHealth['state'];
  /** ms until the state ends by itself. */
  readonly forMs?: number | undefined;
  /** How the attempts of all calls are recorded. */
  readonly ledger: Readonly<Record<string, number>>;
  /** Requests with an attempt whose usage nobody knows. */
  readonly unknown: number;
}

const served = { status: 200 } as const;
const both = [false, true] as const;

/** Tried elsewhere, each time until the endpoint is left alone. */
function elsewhere(what: string, fault: FaultInput, rest: Partial<Case> = {}): readonly Case[] {
  return both.map((stream) => ({
    what,
    fault,
    stream,
    client: served,
    state: 'broken',
    forMs: 5_000,
    ledger: { 'upstream-broke': calls, completed: calls },
    unknown: calls,
    ...rest,
  }));
}

function throttled(
  what: string,
  fault: Omit<Extract<FaultInput, { kind: 'status' }>, 'kind'>,
  forMs: number,
): readonly Case[] {
  return elsewhere(
    what,
    { kind: 'status', ...fault },
    {
      state: 'throttled',
      forMs,
      ledger: { 'refused-by-upstream': 1, completed: calls },
      unknown: 0,
    },
  );
}

function quarantined(what: string, status: number, body?: unknown): readonly Case[] {
  return elsewhere(
    what,
    { kind: 'status', status, ...(body === undefined ? {} : { body }) },
    {
      state: 'quarantined',
      forMs: 30_000,
      ledger: { 'refused-by-upstream': 1, completed: calls },
      unknown: 0,
    },
  );
}

/** The client gets it as it is, and the endpoint is as well as before. */
function passedOn(
  what: string,
  client: { readonly status: number; readonly code: string },
  rest: Partial<Case> = {},
): readonly Case[] {
  const { status, code } = client;
  const fault: FaultInput = { kind: 'status', status, body: { error: { code, message: 'No.' } } };
  return elsewhere(what, fault, {
    client,
    state: 'available',
    forMs: undefined,
    ledger: { 'refused-by-upstream': calls },
    unknown: 0,
    ...rest,
  });
}

/** After the first byte: nothing can be tried again. */
function brokenOff(what: string, fault: FaultInput, rest: Partial<Case> = {}): Case {
  return {
    what,
    fault,
    stream: true,
    client: { status: 200, code: 'upstream_invalid_reply' },
    state: 'broken',
    forMs: 5_000,
    ledger: { 'upstream-broke': calls },
    unknown: 0,
    ...rest,
  };
}

const start = new ManualClock().start;
const inSevenSeconds = new Date(start + 7_000).toUTCString();

const cases: readonly Case[] = [
  ...elsewhere('refused connection', { kind: 'refuse' }),
  ...elsewhere('reset before the head', { kind: 'reset' }),
  ...elsewhere('reset after the head alone', { kind: 'reset', afterBytes: 0 }),
  ...[500, 502, 503, 504, 408].flatMap((status) => elsewhere(`status ${status}`, { kind: 'status', status })),
  ...elsewhere('status 502 with a time', { kind: 'status', status: 502, retryAfter: 30 }, { forMs: 30_000 }),
  ...elsewhere('another content-type', { kind: 'content-type' }, { unknown: calls }),
  ...throttled('429 with milliseconds', { status: 429, retryAfterMs: 1_500, retryAfter: 2 }, 1_500),
  ...throttled('429 with seconds', { status: 429, retryAfter: 3 }, 3_000),
  ...throttled('429 with a date', { status: 429, retryAfter: inSevenSeconds }, 7_000),
  ...throttled(
    '429 with the reset of what is exhausted',
    { status: 429, headers: { 'x-ratelimit-remaining-tokens': '0', 'x-ratelimit-reset-tokens': '1m30s' } },
    90_000,
  ),
  ...throttled('429 without a word', { status: 429 }, 1_000),
  ...throttled('429 for a year', { status: 429, retryAfter: 31_536_000 }, 300_000),
  ...throttled('429 for minus one second', { status: 429, retryAfter: -1 }, 1_000),
  ...throttled('429 for garbage', { status: 429, retryAfter: 'soon' }, 1_000),
  ...throttled('503 with a time', { status: 503, retryAfter: 4 }, 4_000),
  ...quarantined('401', 401),
  ...quarantined('403', 403),
  ...quarantined('404 DeploymentNotFound', 404),
  ...passedOn('400 of a parameter', { status: 400, code: 'unsupported_value' }),
  ...passedOn(
    '400 of the content filter',
    { status: 400, code: 'content_filter' },
    {
      ledger: { 'filtered-prompt': calls },
      unknown: calls,
    },
  ),
  ...passedOn('404 of something the caller named', { status: 404, code: 'response_not_found' }),
  ...passedOn('413', { status: 413, code: 'request_too_large' }),
  ...passedOn('422', { status: 422, code: 'unprocessable' }),
  brokenOff('a reset in the middle of a stream', { kind: 'reset', afterBytes: 1_500 }),
  brokenOff('a stream that ends without its end', { kind: 'early-end', afterEvents: 4 }),
  brokenOff(
    'an error event in a stream',
    { kind: 'error-event', afterEvents: 4 },
    {
      client: { status: 200, code: '500' },
      // It may speak of the prompt: the endpoint has answered to the end.
      state: 'available',
      forMs: undefined,
    },
  ),
  brokenOff(
    'a JSON body that breaks off',
    { kind: 'malformed-json' },
    {
      stream: false,
      client: { status: 502, code: 'upstream_invalid_reply' },
      unknown: calls,
    },
  ),
  brokenOff(
    'a missing usage',
    { kind: 'missing-usage' },
    { client: served, state: 'available', forMs: undefined, ledger: { completed: calls } },
  ),
];

function codeOf({ body }: Answer, stream: boolean): string | undefined {
  const last = stream && !body.startsWith('{') ? (eventsOf(body).at(-1) ?? '') : body;
  return last === '[DONE]' || last === '' ? undefined : JSON.parse(last).error?.code;
}

describe('what an upstream answers: for the client, for its health, for the ledger', () => {
  let stack: RunningStack;
  const clock = new ManualClock();
  const closing: (() => Promise<void> | void)[] = [];

  before(async () => {
    stack = await startStack(
      { after: (fn) => void closing.push(fn as () => Promise<void>) },
      { overrides: { clock, random: always(0) } },
    );
  });

  const ask = (stream: boolean): Promise<Answer> =>
    call(`${stack.url}/openai/v1/chat/completions`, {
      headers: { 'api-key': keys.marketing },
      body: { model: 'gpt-5.4-mini', stream, messages: [{ role: 'user', content: 'Name three cities.' }] },
    });

  async function outcomes(): Promise<Readonly<Record<string, number>>> {
    const { rows } = await stack.usage('outcome');
    return Object.fromEntries(rows.map((row) => [row.key, row.attempts]));
  }

  async function unknownRequests(): Promise<number> {
    return (await stack.usage()).total.unknownUsageRequests;
  }

  async function weu(): Promise<EndpointHealth | undefined> {
    const { json } = await stack.admin('/admin/v1/deployments');
    return (json as DeploymentList).deployments.find(({ name }) => name === 'weu');
  }

  for (const { what, fault, stream, client, state, forMs, ledger, unknown } of cases) {
    test(`${what}, ${stream ? 'streamed' : 'whole'}`, async () => {
      stack.twin.reset();
      for (const name of ['weu', 'swc']) await stack.admin(`/admin/v1/deployments/${name}/reset`, { method: 'POST' });
      const [earlier, earlierUnknown] = [await outcomes(), await unknownRequests()];
      stack.twin.addFault({ ...fault, times: null, match: { resource: 'contoso-weu' } });
      for (let at = 0; at < calls; at += 1) {
        const answer = await ask(stream);
        assert.equal(answer.status, client.status, answer.body.slice(0, 300));
        assert.equal(codeOf(answer, stream), client.code);
      }
      const health = await weu();
      assert.equal(health?.state, state);
      assert.equal(health.until === null ? undefined : Date.parse(health.until) - clock.now(), forMs);
      const now = await outcomes();
      const added = Object.fromEntries(
        Object.entries(now)
          .map(([outcome, count]) => [outcome, count - (earlier[outcome] ?? 0)] as const)
          .filter(([, count]) => count > 0),
      );
      assert.deepEqual(added, ledger);
      assert.equal((await unknownRequests()) - earlierUnknown, unknown);
    });
  }

  test('and the ledger agrees with itself', async () => {
    assert.deepEqual((await stack.verify()).problems, []);
    for (const close of closing) await close();
  });
});

describe('an upstream that accepts and then says nothing', () => {
  const models = `  gpt-5.4-mini: { tiers: [[weu], [swc]], firstByteTimeout: 20s, idleTimeout: 30s, deadline: 90s }
  gpt-5-mini: { tiers: [[reasoning]] }
  one-endpoint: { tiers: [[weu]] }
  classic: { tiers: [[old]] }
  text-embedding-3-small: { tiers: [[embeddings]] }`;

  for (const after of ['nothing', 'headers'] as const) {
    test(`is left for the next endpoint when the first byte of a stream does not come in time (${after} sent)`, async (context) => {
      const clock = new ManualClock();
      const stack = await startStack(context, {
        config: (twin) => configFor(twin, { models }),
        overrides: { clock, random: always(0) },
      });
      stack.twin.addFault({ kind: 'slow-first-byte', after, times: null, match: { resource: 'contoso-weu' } });
      const answering = call(`${stack.url}/openai/v1/chat/completions`, {
        headers: { 'api-key': keys.marketing },
        body: { model: 'gpt-5.4-mini', stream: true, messages: [{ role: 'user', content: 'Name three cities.' }] },
      });
      await until(() => stack.twin.held() === 1);
      clock.advance(20_000);
      const answer = await answering;
      assert.equal(eventsOf(answer.body).at(-1), '[DONE]');
      const { rows } = await stack.usage('outcome');
      assert.deepEqual(Object.fromEntries(rows.map(({ key, attempts }) => [key, attempts])), {
        completed: 1,
        'timed-out': 1,
      });
    });
  }

  test('keeps a whole reply waiting until the deadline, for it may only be long; then it counts as slow', async (context) => {
    const clock = new ManualClock();
    const stack = await startStack(context, {
      config: (twin) => configFor(twin, { models }),
      overrides: { clock, random: always(0) },
    });
    stack.twin.addFault({ kind: 'slow-first-byte', times: null });
    const answering = call(`${stack.url}/openai/v1/chat/completions`, {
      headers: { 'api-key': keys.marketing },
      body: { model: 'gpt-5.4-mini', messages: [{ role: 'user', content: 'Name three cities.' }] },
    });
    await until(() => stack.twin.held() === 1);
    clock.advance(89_999);
    clock.advance(1);
    const answer = await answering;
    assert.equal(answer.status, 504);
    const { json } = await stack.admin('/admin/v1/deployments');
    const { state, lastError } = (json as DeploymentList).deployments.find(({ name }) => name === 'weu') ?? {};
    assert.deepEqual([state, lastError], ['available', 'no reply in time']);
  });

  test('in the middle of a stream gives the client an error event of its dialect, and counts as a failure', async (context) => {
    for (const [path, last] of [
      ['chat/completions', /^\{"error":\{"code":"upstream_timeout"/],
      ['responses', /^\{"type":"error","code":"upstream_timeout"/],
    ] as const) {
      const clock = new ManualClock();
      const stack = await startStack(context, {
        config: (twin) => configFor(twin, { models }),
        overrides: { clock, random: always(0) },
      });
      stack.twin.addFault({ kind: 'stall', afterBytes: 1_500 });
      let begun = false;
      const answering = call(`${stack.url}/openai/v1/${path}`, {
        headers: { 'api-key': keys.marketing },
        body: {
          model: 'gpt-5.4-mini',
          stream: true,
          ...(path === 'responses' ? { input: 'Hello' } : { messages: [{ role: 'user', content: 'Hello' }] }),
        },
        onData() {
          begun = true;
        },
      });
      await until(() => stack.twin.held() === 1 && begun);
      clock.advance(30_000);
      clock.advance(30_000);
      const answer = await answering;
      assert.match(eventsOf(answer.body).at(-1) ?? '', last);
      const { json } = await stack.admin('/admin/v1/deployments');
      assert.equal((json as DeploymentList).deployments.find(({ name }) => name === 'weu')?.lastError, 'went silent');
    }
  });
});
