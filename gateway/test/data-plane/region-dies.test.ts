import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { UsageRecords } from '@tollgate/contract/admin-api/usage.ts';
import { seededRandom } from '#kernel/random.ts';
import {
  call,
  configFor,
  eventsOf,
  keys,
  startStack,
  type Answer,
  type RunningStack,
} from '../support/running-gateway.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { askFor, SharedClock, type Got } from '../support/virtual-load.ts';

const endpoint = (name: string, resource: string): string =>
  `  ${name}: { resource: '${resource}', region: westeurope, deployment: gpt-5.4-mini, model: gpt-5.4-mini, type: GlobalStandard, auth: { key: '\${TEST_TWIN_KEY}' } }`;

/** Two regions in turns; the first one behind a proxy that can be killed. */
const config = (dying: number) => (twin: string) =>
  configFor(twin, {
    endpoints: [
      endpoint('dying', `http://127.0.0.1:${dying}/contoso-weu`),
      endpoint('living', `${twin}/contoso-swc`),
    ].join('\n'),
    models:
      '  gpt-5.4-mini: { tiers: [[dying, living]], balancer: weighted-round-robin, firstByteTimeout: 2s, replyTimeout: 3s, idleTimeout: 20s }',
    products:
      '  standard: { models: [gpt-5.4-mini], unpriced: allow-and-flag }\n  small: { models: [gpt-5.4-mini], unpriced: allow-and-flag }',
  });

const perSecond = 20;
/** Of each region. */
const share = perSecond / 2;
const sum = (counts: readonly number[]): number => counts.reduce((total, one) => total + one, 0);
const slices = 5;
/** In seconds. */
const times = { dies: 5, back: 65, end: 125 } as const;
/** Streams that are in the middle when it happens. */
const midStream = 3;

interface Death {
  kill(proxy: TcpProxy): Promise<void> | void;
  revive(proxy: TcpProxy): Promise<void> | void;
  /** What streams are told that had begun. */
  readonly told: string;
  /** Attempts until its circuit opens. */
  readonly most: number;
}

const deaths: Readonly<Record<string, Death>> = {
  'refuses connections': {
    kill: (proxy) => proxy.shut(),
    revive: (proxy) => proxy.reopen(),
    told: 'upstream_invalid_reply',
    // Five in a row, and those of the same instant.
    most: 7,
  },
  'takes everything and answers nothing': {
    kill: (proxy) => proxy.swallow(),
    revive: (proxy) => proxy.restore(),
    told: 'upstream_timeout',
    // What is sent in the two seconds of patience, and until five have lost it.
    most: 40,
  },
};

for (const [what, death] of Object.entries(deaths)) {
  describe(`under steady load one of two regions ${what}`, () => {
    const clock = new SharedClock();
    const closing: (() => unknown)[] = [];
    let stack: RunningStack;
    let proxy: TcpProxy;
    /** The proxy is there before the twin, which the gateway is told of by the proxy's address. */
    const to = { port: 0 };
    const got: Got[] = [];
    const begun: Promise<Answer>[] = [];
    /** The state of the dying region at the end of each second. */
    const states: string[] = [];
    /** Attempts at it, by the second of their admission. */
    const attempts: { readonly at: number; readonly outcome: string }[] = [];
    let asked = 0;

    const attemptsIn = (from: number): number => attempts.filter(({ at }) => Math.floor(at) === from).length;

    async function look(): Promise<void> {
      const { text } = await stack.admin('/metrics');
      states.push(/^tollgate_endpoint_state\{endpoint="dying",state="([\w-]+)"\} 1$/m.exec(text)?.[1] ?? '');
    }

    function ask(stream: boolean): void {
      const body = {
        model: 'gpt-5.4-mini',
        stream,
        reasoning_effort: 'none',
        messages: [{ role: 'user', content: 'twin:tokens=4' }],
      };
      asked += 1;
      void askFor({ url: stack.url, key: keys.marketing }, body).then((one) => got.push(one));
    }
    async function second(): Promise<void> {
      for (let slice = 0; slice < slices; slice += 1) {
        for (let at = 0; at < perSecond / slices; at += 1) ask(at % 2 === 0);
        await until(() => got.length === asked - proxy.swallowed(), 'an answer for each but those that nobody answers');
        clock.advance(1_000 / slices);
      }
      await look();
    }

    async function readAttempts(): Promise<void> {
      let next: string | null = '';
      while (next !== null) {
        const rest = next === '' ? '' : `&after=${encodeURIComponent(next)}`;
        const path = `/admin/v1/usage/records?limit=1000&filter=endpoint%3Ddying&waitMs=20000${rest}`;
        const page = (await stack.admin(path)).json as UsageRecords;
        for (const entry of page.entries) {
          if (entry.kind !== 'record') continue;
          const { at, outcome } = entry.record;
          attempts.push({ at: (Date.parse(at) - clock.start) / 1_000, outcome });
        }
        ({ next } = page);
      }
      attempts.sort((one, other) => one.at - other.at);
    }

    async function beginStreams(): Promise<void> {
      stack.twin.addFault({
        kind: 'stall',
        afterBytes: 2_000,
        times: null,
        match: { resource: 'contoso-weu', stream: true },
      });
      let talking = 0;
      for (let at = 0; stack.twin.held() < midStream; at += 1) {
        assert.ok(at < 4 * midStream);
        let told = false;
        const answer = call(`${stack.url}/openai/v1/chat/completions`, {
          headers: { 'api-key': keys.finance },
          body: { model: 'gpt-5.4-mini', stream: true, messages: [{ role: 'user', content: 'twin:tokens=200' }] },
          onData() {
            if (!told) talking += 1;
            told = true;
          },
        });
        begun.push(answer);
        await until(() => talking === at + 1);
      }
      stack.twin.removeFaults();
    }

    before(async () => {
      const context = { after: (fn: unknown) => void closing.push(fn as () => unknown) };
      proxy = await startTcpProxy(to);
      stack = await startStack(context, {
        config: config(proxy.port),
        twin: { clock },
        overrides: { clock, random: seededRandom(11) },
      });
      to.port = stack.twin.port;
      await beginStreams();
      while (states.length < times.end) {
        if (states.length === times.dies) await death.kill(proxy);
        if (states.length === times.back) await death.revive(proxy);
        await second();
      }
      await readAttempts();
    });

    after(async () => {
      for (const close of closing) await close();
      await proxy.close();
    });

    test('no client loses a call, but those past the first byte, who are told so in their stream', async () => {
      assert.equal(got.length, asked);
      assert.deepEqual(new Set(got.map(({ status }) => status)), new Set([200]));
      const broken = (await Promise.all(begun)).flatMap(({ body }) => {
        const last = eventsOf(body).at(-1) ?? '';
        return last === '[DONE]' ? [] : [JSON.parse(last).error.code];
      });
      assert.deepEqual(
        broken,
        Array.from({ length: midStream }, () => death.told),
      );
    });

    test('its circuit opens soon, and then it is touched by single probes, ever more rarely', () => {
      const opened = states.findIndex((state) => state !== 'available');
      assert.ok(opened >= times.dies && opened - times.dies <= 4, `open after ${opened - times.dies} s`);
      const lost = attempts.filter(({ at }) => at >= times.dies && at < opened + 1).length;
      assert.ok(lost <= death.most, `${lost} attempts until then`);
      const probes = attempts.filter(({ at }) => at >= opened + 1 && at < times.back).map(({ at }) => at);
      assert.ok(probes.length >= 2 && probes.length <= 4, probes.join(' '));
      const gaps = probes.slice(1).map((at, index) => at - (probes[index] ?? 0));
      assert.ok(
        gaps.every((gap, index) => gap >= 5 && gap > (gaps[index - 1] ?? 0)),
        gaps.join(' '),
      );
    });

    test('it gets its calls back gradually, and then its whole share', () => {
      const back = states.findIndex((state, at) => at >= times.back && state === 'available');
      assert.ok(back > 0, states.slice(times.back).join(' '));
      const first = [1, 2, 3].map((later) => attemptsIn(back + later));
      assert.ok(sum(first) > 0 && sum(first) < 0.6 * 3 * share, first.join(' '));
      assert.deepEqual(
        [1, 2, 3].map((earlier) => attemptsIn(times.end - earlier)),
        [share, share, share],
      );
    });

    test('and the ledger has every attempt, those of which nobody knows the usage as such', async () => {
      const answered = attempts.filter(({ outcome }) => outcome === 'completed').length;
      const { total } = await stack.usage();
      assert.equal(total.attempts, asked + begun.length + (attempts.length - answered - midStream));
      assert.deepEqual((await stack.verify()).problems, []);
    });
  });
}
