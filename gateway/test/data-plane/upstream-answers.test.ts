import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { DeploymentList, EndpointHealth } from '@tollgate/contract/admin-api/routing.ts';
import type { FaultInput } from '../../../twin/src/faults/fault.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { always } from '../support/routing.ts';
import { call, eventsOf, keys, startStack, type Answer, type RunningStack } from '../support/running-gateway.ts';

/** Each case makes so many calls: as many failures in a row break an endpoint. */
const calls = 5;

interface Case {
  readonly what: string;
  readonly fault: FaultInput;
  readonly stream: boolean;
  /** What it is asked; something harmless where nothing is said. */
  readonly content?: string;
  readonly api?: 'responses';
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

/** Served to the end, and as well as before. */
function well(what: string, fault: FaultInput, rest: Partial<Case> = {}): readonly Case[] {
  return elsewhere(what, fault, {
    state: 'available',
    forMs: undefined,
    ledger: { completed: calls },
    unknown: 0,
    ...rest,
  });
}

const exhausted = (what: 'requests' | 'tokens', reset: string): Readonly<Record<string, string>> => ({
  [`x-ratelimit-remaining-${what}`]: '0',
  [`x-ratelimit-reset-${what}`]: reset,
});

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
  ...throttled('429 with a reset in minutes, clamped', { status: 429, headers: exhausted('tokens', '6m0s') }, 300_000),
  ...throttled('429 with a reset in milliseconds', { status: 429, headers: exhausted('requests', '120ms') }, 120),
  ...throttled('429 with a reset in bare seconds', { status: 429, headers: exhausted('tokens', '20') }, 20_000),
  ...throttled(
    '429 with the resets of two that are exhausted, the longer one',
    { status: 429, headers: { ...exhausted('tokens', '8s'), ...exhausted('requests', '9s') } },
    9_000,
  ),
  ...throttled(
    '429 with the reset of what is not exhausted',
    { status: 429, headers: { 'x-ratelimit-remaining-tokens': '5', 'x-ratelimit-reset-tokens': '90s' } },
    1_000,
  ),
  ...throttled(
    '429 with garbage, and a reset',
    { status: 429, retryAfter: 'soon', headers: exhausted('tokens', '3s') },
    3_000,
  ),
  ...throttled('429 with forms that contradict each other', { status: 429, retryAfterMs: 250, retryAfter: 60 }, 250),
  ...throttled('429 until a moment that has passed', { status: 429, retryAfter: new Date(start).toUTCString() }, 100),
  ...throttled('429 until next year', { status: 429, retryAfter: new Date(start + 4e10).toUTCString() }, 300_000),
  ...throttled('429 without a word', { status: 429 }, 1_000),
  ...throttled('429 for a year', { status: 429, retryAfter: 31_536_000 }, 300_000),
  ...throttled('429 for minus one second', { status: 429, retryAfter: -1 }, 1_000),
  ...throttled('429 for garbage', { status: 429, retryAfter: 'soon' }, 1_000),
  ...throttled('503 with a time', { status: 503, retryAfter: 4 }, 4_000),
  ...throttled('503 with milliseconds', { status: 503, retryAfterMs: 700 }, 700),
  ...throttled('503 with a date', { status: 503, retryAfter: inSevenSeconds }, 7_000),
  ...elsewhere('status 503 with a time that is none', { kind: 'status', status: 503, retryAfter: 'later' }),
  ...elsewhere('status 408 with a time', { kind: 'status', status: 408, retryAfter: 20 }, { forMs: 20_000 }),
  ...well('a reply whose headers speak of a limit', {
    kind: 'headers',
    headers: { 'retry-after': '30', 'retry-after-ms': '30000', ...exhausted('tokens', '60s') },
  }),
  ...well('a reply whose headers make no sense', {
    kind: 'headers',
    headers: {
      'azure-openai-deployment-utilization': '200%',
      'x-ratelimit-remaining-tokens': '-3',
      'x-ratelimit-limit-tokens': 'many',
    },
  }),
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
    'an error event in a stream, by the provider’s own doing',
    { kind: 'error-event', afterEvents: 4 },
    { client: { status: 200, code: '500' } },
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
  ...[900, 20].map((afterBytes) =>
    brokenOff(
      `a reset after ${afterBytes} bytes of a JSON body`,
      { kind: 'reset', afterBytes },
      // What was delivered is recorded as a lower bound: nothing.
      { stream: false, client: { status: 502, code: 'upstream_invalid_reply' } },
    ),
  ),
  brokenOff(
    'a reset in the middle of a stream of Responses',
    { kind: 'reset', afterBytes: 1_500 },
    { api: 'responses' },
  ),
  brokenOff(
    'an event of a stream that is no JSON',
    { kind: 'malformed-json', afterEvents: 3 },
    { client: served, state: 'available', forMs: undefined, ledger: { completed: calls } },
  ),
  ...both.flatMap((stream) =>
    well(
      'a completion that the content filter stops',
      { kind: 'headers', headers: {} },
      { content: 'Go on. twin:filter-completion', ledger: { 'filtered-completion': calls } },
    ).filter((one) => one.stream === stream),
  ),
  ...well(
    'a prompt that the content filter refuses',
    { kind: 'headers', headers: {} },
    {
      content: 'please twin:filter-prompt',
      client: { status: 400, code: 'content_filter' },
      ledger: { 'filtered-prompt': calls },
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

  function ask({ stream, api, content = 'Name three cities.' }: Case): Promise<Answer> {
    const input = api === 'responses' ? { input: content } : { messages: [{ role: 'user', content }] };
    return call(`${stack.url}/openai/v1/${api ?? 'chat/completions'}`, {
      headers: { 'api-key': keys.marketing },
      body: { model: 'gpt-5.4-mini', stream, ...input },
    });
  }

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

  for (const one of cases) {
    const { what, fault, stream, client, state, forMs, ledger, unknown } = one;
    test(`${what}, ${stream ? 'streamed' : 'whole'}`, async () => {
      stack.twin.reset();
      for (const name of ['weu', 'swc']) await stack.admin(`/admin/v1/deployments/${name}/reset`, { method: 'POST' });
      const [earlier, earlierUnknown] = [await outcomes(), await unknownRequests()];
      stack.twin.addFault({ ...fault, times: null, match: { resource: 'contoso-weu' } });
      for (let at = 0; at < calls; at += 1) {
        const answer = await ask(one);
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
