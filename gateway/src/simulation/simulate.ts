import { seededRandom, type RandomSource } from '#kernel/random.ts';
import { VirtualClock } from '#kernel/virtual-clock.ts';
import { isProvisioned, type Endpoint } from '#model/endpoint.ts';
import { deadlineOf, type ModelRoute } from '#model/model-route.ts';
import { yieldPointsOf } from '#proxy/routing/config-endpoint.ts';
import { healthRulesOf } from '#proxy/routing/config-health.ts';
import type { Verdict } from '#proxy/routing/endpoint-state.ts';
import { EndpointHealth } from '#proxy/routing/health.ts';
import type { Choice } from '#proxy/routing/choice.ts';
import { Plan } from '#proxy/routing/plan.ts';
import { Pools, type Pool } from '#proxy/routing/pool.ts';
import type { Waited } from '#proxy/routing/queue/pool-queue.ts';
import { PoolQueues } from '#proxy/routing/queue/pool-queues.ts';
import { routeOf } from '#proxy/routing/route-of.ts';
import { judge } from '#proxy/routing/verdict.ts';
import { scheduleArrivals, type Arriving } from './arrivals.ts';
import type { Script } from './script.ts';
import { SimulatedEndpoint, type Answer } from './simulated-endpoint.ts';
import { Tally, type TallyRow } from './tally.ts';

const ignore = (): void => {};
const defect = (endpoint: string, thrown: unknown): never => {
  throw new Error(`Those who wait for ${endpoint} could not be told.`, { cause: thrown });
};

function endpointOf(name: string, script: Script): Endpoint {
  const values = script.endpoints[name];
  if (values === undefined) throw new Error(`The script has no endpoint '${name}'.`);
  const endpoint: Endpoint = {
    name,
    resource: `https://${name}.invalid`,
    resourceName: name,
    region: 'simulated',
    deployment: name,
    deploymentType: values.type,
    model: 'simulated',
    modelVersion: null,
    surface: { kind: 'v1' },
    credential: { kind: 'api-key', key: '' },
    health: healthRulesOf(script.health, undefined),
    yieldAt: null,
    maxInFlight: values.maxInFlight ?? null,
    drain: false,
  };
  return isProvisioned(endpoint) ? { ...endpoint, yieldAt: yieldPointsOf(values.yieldAt) } : endpoint;
}

function modelOf(script: Script, endpoints: ReadonlyMap<string, Endpoint>): ModelRoute {
  const route = routeOf('simulated', script.model, (name) => {
    const found = endpoints.get(name);
    if (found === undefined) throw new Error(`The script has no endpoint '${name}'.`);
    return found;
  });
  return { ...route, maxInput: null, maxOutput: null, tokenizer: null };
}

/** One call of a client while it is simulated. */
interface Call extends Arriving {
  readonly plan: Plan;
  readonly deadlineAt: number;
  /** Its attempts under way: one, or two where it is hedged. */
  readonly legs: Set<Leg>;
}

interface Leg {
  readonly choice: Choice;
  /** Monotonic ms. */
  readonly sentAt: number;
}

/** The real pools, balancers, circuits and plans, on a clock of their own, with endpoints as a script describes them. */
class Simulator {
  readonly clock = new VirtualClock();
  readonly tally: Tally;
  readonly #random: RandomSource;
  readonly #health: EndpointHealth;
  readonly #pool: Pool;
  readonly #names: readonly string[];
  readonly #endpoints: ReadonlyMap<string, SimulatedEndpoint>;
  readonly #known: ReadonlyMap<string, Endpoint>;

  constructor(script: Script) {
    this.#random = seededRandom(script.seed);
    this.#names = Object.keys(script.endpoints);
    this.#known = new Map(this.#names.map((name) => [name, endpointOf(name, script)] as const));
    this.#endpoints = new Map(
      [...this.#known].map(
        ([name, endpoint]) => [name, new SimulatedEndpoint(endpoint, script, this.#random)] as const,
      ),
    );
    const { clock } = this;
    this.#health = new EndpointHealth({
      clock,
      random: this.#random,
      events: { happened: ignore, odd: ignore, defect },
    });
    this.#pool = new Pools(this.#health, this.#random, new PoolQueues(clock, { waited: ignore, defect })).of(
      modelOf(script, this.#known),
    );
    this.tally = new Tally({
      durationMs: script.duration,
      intervalMs: script.interval,
      endpoints: this.#names.length,
    });
  }

  get random(): RandomSource {
    return this.#random;
  }

  begin(arriving: Arriving): void {
    const now = this.clock.monotonic();
    this.tally.client(now, 'asked');
    const plan = new Plan(this.#pool, arriving.asked, { clock: this.clock, random: this.#random });
    // A reply that is not streamed is never hedged.
    const hedging = arriving.asked.stream ? arriving.hedging : null;
    this.#next({
      ...arriving,
      hedging,
      plan,
      deadlineAt: now + deadlineOf(this.#pool.route, arriving.asked.stream),
      legs: new Set(),
    });
  }

  /** Notes how every endpoint stands now, in the row of the interval that ends. */
  note(row: TallyRow): void {
    const now = this.clock.monotonic();
    row.clients.waiting = this.#pool.queue?.length ?? 0;
    this.#names.forEach((name, index) => {
      const [endpoint, counts] = [this.#known.get(name), row.endpoints[index]];
      if (endpoint === undefined || counts === undefined) return;
      const state = this.#health.of(endpoint);
      counts.state = state.state(now);
      counts.utilization = state.load.utilized ? state.load.utilization(now) : null;
    });
  }

  #next(call: Call): void {
    const choice = call.plan.next();
    if (choice === undefined) this.#wait(call);
    else this.#send(call, choice);
  }

  #wait(call: Call): void {
    const { queue, route } = this.#pool;
    const { plan, asked, consumer, deadlineAt } = call;
    if (queue === null || route.queue === null || !plan.mayWait) {
      this.#lost(plan);
      return;
    }
    queue.join({ plan, priority: asked.priority, consumer, deadlineAt }, route.queue, (ended) =>
      this.#waited(call, ended),
    );
  }

  #waited(call: Call, { choice, how, ms }: Waited): void {
    if (choice !== undefined) {
      this.tally.client(this.clock.monotonic(), 'waited');
      this.#send(call, choice);
    } else if (how === 'hopeless' && ms === 0) this.#lost(call.plan);
    else this.tally.client(this.clock.monotonic(), 'throttled');
  }

  #lost(plan: Plan): void {
    const passing = plan.states().some((state) => state === 'throttled' || state === 'full');
    this.tally.client(this.clock.monotonic(), passing ? 'throttled' : 'failed');
  }

  #send(call: Call, choice: Choice): void {
    const now = this.clock.monotonic();
    if (call.plan.made === 2) this.tally.client(now, 'retried');
    const leg = { choice, sentAt: now };
    const first = call.legs.size === 0;
    call.legs.add(leg);
    this.tally.endpoint(now, this.#indexOf(choice), 'attempts');
    const answer = this.#endpoints.get(choice.member.endpoint.name)?.answer(now);
    if (answer === undefined) return;
    this.#expect(call, leg, answer);
    if (first && call.hedging !== null) this.#expectSlow(call, leg, call.hedging.atLeastMs);
  }

  /** As a race of the request path: another attempt beside one that is slower than nineteen of twenty. */
  #expectSlow(call: Call, leg: Leg, atLeastMs: number): void {
    const { p95 } = this.#pool.firstBytes;
    if (p95 === undefined) return;
    this.clock.after(Math.max(p95, atLeastMs), () => {
      if (!call.legs.has(leg)) return;
      const choice = call.plan.hedge();
      if (choice === undefined) return;
      this.tally.client(this.clock.monotonic(), 'hedged');
      this.#send(call, choice);
    });
  }

  /** Whatever comes first: the answer, the end of the wait for a first byte, the end of the caller's time. */
  #expect(call: Call, leg: Leg, answer: Answer): void {
    const left = call.deadlineAt - this.clock.monotonic();
    const { firstByteTimeoutMs, replyTimeoutMs } = this.#pool.route;
    const patience = call.asked.stream ? firstByteTimeoutMs : (replyTimeoutMs ?? Number.POSITIVE_INFINITY);
    // A reply that is not streamed has its first byte when it is whole.
    const comes = call.asked.stream || answer.kind !== 'reply' ? answer.firstByteMs : answer.endMs;
    let after = left;
    let then = (): void => this.#tooLate(call, leg);
    if (comes <= Math.min(left, patience)) {
      after = comes;
      then = () => this.#arrived(call, leg, answer);
    } else if (patience < left) {
      after = patience;
      then = () => this.#fault(call, leg, { kind: 'failed', reason: 'no first byte in time', leastMs: 0 });
    }
    // Nothing comes of an attempt that was cancelled.
    this.clock.after(after, () => {
      if (call.legs.has(leg)) then();
    });
  }

  #arrived(call: Call, leg: Leg, answer: Answer): void {
    const now = this.clock.monotonic();
    const { choice } = leg;
    if (answer.kind === 'no-connection') {
      this.#fault(call, leg, { kind: 'failed', reason: 'no connection', leastMs: 0 });
      return;
    }
    choice.lease.read(answer.headers);
    if (answer.kind === 'answer') {
      this.#answered(call, leg, answer);
      return;
    }
    const { stream } = call.asked;
    const firstByteMs = stream ? answer.firstByteMs : answer.endMs;
    choice.lease.report({ kind: 'served', firstByteMs, stream });
    this.tally.endpoint(now, this.#indexOf(choice), 'served');
    this.#won(call, leg, true);
    this.clock.after(stream ? answer.endMs - answer.firstByteMs : 0, () => this.#ended(choice, answer));
  }

  /** It answers first: the other attempt, where there is one, is cancelled. */
  #won(call: Call, winner: Leg, replies: boolean): void {
    const now = this.clock.monotonic();
    for (const leg of call.legs) {
      if (call.hedging !== null && (replies || leg !== winner)) this.#pool.firstBytes.observe(now - leg.sentAt);
      if (leg !== winner) leg.choice.lease.end();
    }
    call.legs.clear();
  }

  #ended(choice: Choice, answer: Answer): void {
    const now = this.clock.monotonic();
    if (answer.kind === 'breaks') {
      choice.lease.brokeOff('broke off');
      this.tally.endpoint(now, this.#indexOf(choice), 'failed');
    }
    this.tally.client(now, answer.kind === 'breaks' ? 'failed' : 'served');
    choice.lease.end();
  }

  #answered(call: Call, leg: Leg, answer: Answer): void {
    const { status, headers, body } = answer;
    const judgement = judge({ status, headers, body, now: this.clock.now(), odd: ignore });
    if (judgement.action === 'try-another') this.#fault(call, leg, judgement.fault);
    else {
      this.#won(call, leg, false);
      leg.choice.lease.end();
      this.tally.client(this.clock.monotonic(), 'refused');
    }
  }

  #fault(call: Call, leg: Leg, fault: Exclude<Verdict, { kind: 'served' | 'too-slow' }>): void {
    const { choice } = leg;
    this.tally.endpoint(
      this.clock.monotonic(),
      this.#indexOf(choice),
      fault.kind === 'throttled' ? 'throttled' : 'failed',
    );
    call.legs.delete(leg);
    choice.lease.report(fault);
    choice.lease.end();
    call.plan.learn(choice.member, { fault, spilledTo: undefined });
    // The other one may still answer.
    if (call.legs.size === 0) this.#next(call);
  }

  #tooLate(call: Call, { choice }: Leg): void {
    const now = this.clock.monotonic();
    choice.lease.report({ kind: 'too-slow' });
    for (const leg of call.legs) leg.choice.lease.end();
    call.legs.clear();
    this.tally.endpoint(now, this.#indexOf(choice), 'failed');
    this.tally.client(now, 'failed');
  }

  #indexOf({ member }: Choice): number {
    return this.#names.indexOf(member.endpoint.name);
  }
}

/** Runs a script from its beginning to its end. The same script gives the same rows. */
export function simulate(script: Script): {
  readonly endpoints: readonly string[];
  readonly rows: readonly TallyRow[];
} {
  const simulator = new Simulator(script);
  const { clock, tally, random } = simulator;
  for (const one of script.load)
    scheduleArrivals({
      clock,
      random,
      load: one,
      until: script.duration,
      arrive: (arriving) => simulator.begin(arriving),
    });
  for (const row of tally.rows) {
    clock.runUntil(row.fromMs + script.interval);
    simulator.note(row);
  }
  // What is under way at the end is let run out.
  clock.runUntil(script.duration + script.model.deadline);
  return { endpoints: Object.keys(script.endpoints), rows: tally.rows };
}
