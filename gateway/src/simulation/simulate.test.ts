import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createConfigLoader } from '#config/load.ts';
import { formatProblem } from '#config/problem.ts';
import { scriptSection, type Script } from './script.ts';
import { simulate } from './simulate.ts';
import type { TallyRow } from './tally.ts';

const loader = createConfigLoader<Script>([scriptSection]);

interface Run {
  readonly rows: readonly TallyRow[];
  /** Counts of one endpoint in every interval. */
  of(name: string): readonly TallyRow['endpoints'][number][];
  /** Sums over intervals, from inclusive to exclusive, in seconds of simulated time. */
  clients(from: number, to: number): TallyRow['clients'];
}

function run(text: string): Run {
  const result = loader.loadText(text, 'script.yaml', {});
  assert.ok(result.ok, JSON.stringify(result));
  const { endpoints, rows } = simulate(result.loaded.config);
  return {
    rows,
    of: (name) => rows.flatMap((row) => row.endpoints[endpoints.indexOf(name)] ?? []),
    clients(from, to) {
      const sum = {
        asked: 0,
        served: 0,
        refused: 0,
        throttled: 0,
        failed: 0,
        retried: 0,
        waited: 0,
        waiting: 0,
        hedged: 0,
      };
      for (const row of rows) {
        if (row.fromMs < from * 1000 || row.fromMs >= to * 1000) continue;
        for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += row.clients[name];
      }
      return sum;
    },
  };
}

const total = (counts: readonly number[]): number => counts.reduce((sum, one) => sum + one, 0);
const firstServed = (run_: Run, name: string): number => run_.of(name).findIndex(({ served }) => served > 0);

const regionsScript = (load: string): string => `
duration: 5m
model: { tiers: [[ptu], [a], [b]] }
endpoints:
  ptu: { type: ProvisionedManaged, callsPerMinute: 600, firstByte: 200ms, reply: 500ms }
  a: { callsPerMinute: 600, firstByte: 300ms, reply: 600ms }
  b: { callsPerMinute: 600, firstByte: 300ms, reply: 600ms }
load:
  - { perSecond: 5 }
  - ${load}
`;

const deathScript = (kind: string): string => `
duration: 4m
model: { tiers: [[weu, swc]], firstByteTimeout: 2s }
endpoints: { weu: {}, swc: {} }
load: [{ perSecond: 40 }]
faults: [{ endpoint: weu, kind: ${kind}, from: 60s, to: 120s }]
`;

const seededScript = (seed: number): string => `
seed: ${seed}
duration: 20s
model: { tiers: [[weu, swc]] }
endpoints: { weu: {}, swc: { jitter: 90% } }
load: [{ perSecond: 30, arrivals: random, sessions: 10 }]
`;

const inUse = (one: Run): number => one.of('ptu')[149]?.utilization ?? Number.NaN;

describe('provisioned throughput first, regions after', () => {
  const flood = run(regionsScript('{ from: 30s, to: 150s, perSecond: 60 }'));

  test('the provisioned deployment fills up first, then region A, then region B', () => {
    const [ptu, a, b] = ['ptu', 'a', 'b'].map((name) => firstServed(flood, name));
    assert.equal(ptu, 0);
    assert.ok(a !== undefined && a > 30, 'not before the burst');
    assert.ok(b !== undefined && b >= a);
  });

  test('nobody is turned away while any of them has room', () => {
    const b = firstServed(flood, 'b');
    const first = flood.rows.findIndex(({ clients }) => clients.throttled > 0);
    assert.ok(first > b, `the first 429 at ${first} s, B since ${b} s`);
    assert.equal(flood.clients(0, first).throttled, 0);
    assert.equal(flood.clients(0, 300).failed, 0, 'too much is asked, but nothing is broken');
  });

  test('while all are exhausted each is still used for what it takes, and refusals cost few calls', () => {
    for (const name of ['ptu', 'a', 'b']) {
      const during = flood.of(name).slice(70, 150);
      const [served, attempts] = [total(during.map((one) => one.served)), total(during.map((one) => one.attempts))];
      assert.ok(served >= 0.75 * 800, `${name} takes ten a second, and served ${served} in 80 s`);
      assert.ok(attempts - served < 0.2 * 80 * 65, `${name}: ${attempts} attempts for ${served} replies`);
    }
  });

  test('when it is over everything goes back to the provisioned deployment, without a herd', () => {
    const after = flood.of('ptu').slice(150, 230);
    // Five a second are asked; it was full, and works off ten a second.
    assert.ok(
      after.every(({ attempts }) => attempts <= 6),
      after.map(({ attempts }) => attempts).join(' '),
    );
    assert.equal(total(after.map(({ throttled }) => throttled)), 0);
    assert.deepEqual(flood.clients(152, 300).throttled, 0);
    const last = flood.of('ptu').slice(-30);
    assert.equal(total(last.map(({ attempts }) => attempts)), 150, 'all of them in the end');
  });

  test('batch calls leave it to interactive ones while it is busy', () => {
    const mixed = run(regionsScript('{ from: 30s, to: 150s, perSecond: 12, priority: batch }'));
    const interactive = run(regionsScript('{ from: 30s, to: 150s, perSecond: 12, priority: interactive }'));
    assert.ok(inUse(mixed) > 0.5 && inUse(mixed) < 0.65, `${inUse(mixed)} in use by batch calls`);
    assert.ok(inUse(interactive) > 0.8, `${inUse(interactive)} in use by interactive calls`);
    assert.equal(mixed.clients(0, 300).throttled + mixed.clients(0, 300).failed, 0);
  });
});

describe('one of two regions dies under steady load', () => {
  for (const kind of ['refuse', 'hang']) {
    const died = run(deathScript(kind));

    test(`${kind}: no client loses a call`, () => {
      const { asked, served, failed, throttled } = died.clients(0, 240);
      assert.deepEqual({ asked, served, failed, throttled }, { asked: 9600, served: 9600, failed: 0, throttled: 0 });
    });

    test(`${kind}: once its circuit is open it is touched by probes only, ever more rarely`, () => {
      const during = died.of('weu').slice(65, 120);
      const touched = during.filter(({ attempts }) => attempts > 0);
      assert.ok(touched.every(({ attempts }) => attempts === 1));
      assert.ok(touched.length >= 2 && touched.length <= 4, `${touched.length} probes in 55 s`);
    });

    test(`${kind}: it gets its calls back gradually, and then its whole share`, () => {
      const weu = died.of('weu');
      const back = weu.findIndex(({ state }, at) => at >= 120 && state === 'available');
      assert.ok(back > 0 && back <= 185);
      const [first, later] = [weu.slice(back + 1, back + 3), weu.slice(back + 12, back + 32)];
      assert.ok(total(first.map(({ attempts }) => attempts)) < 30);
      const share = total(later.map(({ attempts }) => attempts)) / (20 * 40);
      assert.ok(share > 0.4 && share < 0.6, String(share));
    });
  }

  test('break: only calls past their first byte are lost, until the circuit opens', () => {
    const died = run(deathScript('break'));
    const { failed } = died.clients(0, 240);
    // Half of the calls of the second that a reply takes to break: nobody knows before. Then those under way, and probes.
    assert.ok(failed > 0 && failed < 100, String(failed));
    assert.ok(
      total(
        died
          .of('weu')
          .slice(64, 120)
          .map(({ attempts }) => attempts),
      ) < 10,
    );
  });
});

test('a content filter that refuses a third of all prompts changes no state', () => {
  const filtered = run(`
duration: 60s
model: { tiers: [[weu, swc]] }
endpoints: { weu: {}, swc: {} }
load: [{ perSecond: 100 }]
faults: [{ endpoint: weu, kind: filter, share: 30% }, { endpoint: swc, kind: filter, share: 30% }]
`);
  const { asked, refused, served, retried } = filtered.clients(0, 60);
  assert.equal(refused + served, asked);
  assert.ok(refused > 1_600 && refused < 2_000);
  assert.equal(retried, 0);
  assert.ok(filtered.rows.every(({ endpoints }) => endpoints.every(({ state }) => state === 'available')));
});

test('in a total outage retries add a fifth at most, and then nothing is sent but probes', () => {
  const out = run(`
duration: 60s
model: { tiers: [[weu, swc, fr]] }
health: { failuresInRow: 1_000, failures: 100_000 }
endpoints: { weu: {}, swc: {}, fr: {} }
load: [{ perSecond: 50 }]
faults: [{ endpoint: weu, kind: refuse }, { endpoint: swc, kind: refuse }, { endpoint: fr, kind: refuse }]
`);
  // Circuits that never open: the budget alone holds the retries.
  const attempts = total(['weu', 'swc', 'fr'].flatMap((name) => out.of(name).map((one) => one.attempts)));
  assert.ok(attempts <= 3_000 * 1.2 + 30, `${attempts} attempts for 3000 calls`);
});

test('the same script gives the same rows, another seed others', () => {
  assert.deepEqual(run(seededScript(1)).rows, run(seededScript(1)).rows);
  assert.notDeepEqual(run(seededScript(1)).rows, run(seededScript(2)).rows);
});

test('everything that is wrong with a script is told at once, with its place', () => {
  const result = loader.loadText(
    `duration: 10s
interval: 1ms
model: { tiers: [[weu], [weu, nobody]], balancer: fastest }
endpoints: { weu: { firstByte: 2s, reply: 1s } }
load: [{ from: 5s, to: 4s, perSecond: 0 }, { perSecond: 1, priority: urgent }]
faults: [{ endpoint: swc, kind: refuse }, { endpoint: weu, kind: explode }, { endpoint: weu, kind: status, status: 200 }]
speed: 2
`,
    'script.yaml',
    {},
  );
  assert.ok(!result.ok);
  assert.deepEqual(
    result.problems.map((problem) => formatProblem(problem)),
    [
      "script.yaml:3:26 model.tiers[1][0]: endpoint 'weu' stands in tier 1 already. Name each endpoint once: no endpoint is tried twice for one call.",
      "script.yaml:3:31 model.tiers[1][1]: there is no endpoint 'nobody'. Known: weu.",
      "script.yaml:3:51 model.balancer: 'fastest' is not one of weighted-random, weighted-round-robin, least-outstanding, faster-of-two, head-room, session-sticky.",
      'script.yaml:4:43 endpoints.weu.reply: the reply is whole before its first byte. Make it longer.',
      'script.yaml:5:24 load[0].to: it ends before it begins. Name a moment after `from`.',
      "script.yaml:5:70 load[1].priority: 'urgent' is not one of interactive, standard, batch.",
      "script.yaml:6:22 faults[0].endpoint: there is no endpoint 'swc'. Known: weu.",
      'script.yaml:6:66 faults[1].kind: expected a map with a kind: refuse, hang, break, filter, status or slow.',
      'script.yaml:6:116 faults[2].status: expected a whole number from 400 to 599.',
      "script.yaml:7:1 speed: there is no setting 'speed' here. Did you mean 'seed'?",
    ],
  );
});

const burstScript = (queue: string): string => `
duration: 3m
model: { tiers: [[weu]]${queue} }
endpoints: { weu: { callsPerMinute: 600, limitWindow: 5s, firstByte: 200ms, reply: 400ms, jitter: 0% } }
load:
  - { perSecond: 4, consumer: marketing }
  - { from: 30s, to: 40s, perSecond: 20, consumer: finance, priority: batch }
`;

describe('a burst above what the endpoint takes', () => {
  test('without a queue is refused for what is too much', () => {
    const { throttled, waited } = run(burstScript('')).clients(0, 180);
    assert.ok(throttled > 50, String(throttled));
    assert.equal(waited, 0);
  });

  const waiting = run(burstScript(', queue: { maxWait: 30s, maxLength: 500 }'));

  test('with a queue is served a little later, all of it', () => {
    const { asked, served, throttled, failed, waited } = waiting.clients(0, 180);
    assert.deepEqual({ served, throttled, failed }, { served: asked, throttled: 0, failed: 0 });
    assert.ok(waited > 50, String(waited));
    assert.ok(Math.max(...waiting.rows.map(({ clients }) => clients.waiting)) > 20);
    assert.equal(waiting.rows.at(-1)?.clients.waiting, 0);
  });

  test('whoever waited does not come as a herd: few of them are refused again', () => {
    const weu = waiting.of('weu');
    const [attempts, refused] = [weu.map((one) => one.attempts), weu.map((one) => one.throttled)].map(total);
    assert.ok((refused ?? 0) < 0.05 * (attempts ?? 0), `${refused} of ${attempts} attempts were refused`);
  });

  test('in a short queue nobody waits longer than is allowed', () => {
    const { asked, served, throttled } = run(burstScript(', queue: { maxWait: 2s, maxLength: 10 }')).clients(0, 180);
    assert.ok(throttled > 0);
    assert.equal(served + throttled, asked);
  });
});

test('a limit on attempts under way is kept, and what is beyond it waits for its place', () => {
  const limited = run(`
duration: 60s
model: { tiers: [[weu]], queue: { maxWait: 20s, maxLength: 100 } }
endpoints: { weu: { maxInFlight: 5, firstByte: 200ms, reply: 1s, jitter: 0% } }
load: [{ perSecond: 4 }, { from: 10s, to: 20s, perSecond: 6 }]
`);
  const { asked, served, waited } = limited.clients(0, 60);
  assert.equal(served, asked);
  assert.ok(waited > 20);
  // Five at a time, a second each: in ten seconds at most fifty, and those under way.
  const during = limited.of('weu').slice(10, 20);
  assert.ok(total(during.map(({ attempts }) => attempts)) <= 55);
});

const hanging = (more: string): Run =>
  run(`
duration: 3m
model: { tiers: [[weu, swc]], firstByteTimeout: 20s }
endpoints: { weu: { jitter: 10% }, swc: { jitter: 10% } }
load: [{ perSecond: 20${more} }]
faults: [{ endpoint: weu, kind: slow, firstByte: 10s, from: 30s, share: 10% }]
health: { failuresInRow: 100, failures: 1000 }
`);

describe('a tenth of the calls of one endpoint hang', () => {
  test('without hedging nothing is sent twice', () => {
    const { hedged, asked } = hanging('').clients(0, 180);
    assert.equal(hedged, 0);
    assert.equal(asked, 3600);
  });

  test('with it those are sent to the other one, and few others', () => {
    const one = hanging(', hedging: { atLeast: 400ms }');
    const { hedged, asked, served } = one.clients(0, 180);
    assert.equal(served, asked);
    // A tenth of half of the calls of 150 seconds.
    assert.ok(hedged > 100 && hedged < 250, String(hedged));
    const attempts = total([...one.of('weu'), ...one.of('swc')].map((counts) => counts.attempts));
    assert.equal(attempts, asked + hedged);
  });

  test('as far as the budget of retries goes', () => {
    const one = run(`
duration: 60s
model: { tiers: [[weu, swc]], retryBudget: { share: 0%, atLeast: 2 } }
endpoints: { weu: {}, swc: {} }
load: [{ perSecond: 20, hedging: { atLeast: 310ms } }]
`);
    const { hedged } = one.clients(0, 60);
    assert.ok(hedged > 0 && hedged <= 2 * 7, String(hedged));
  });
});
