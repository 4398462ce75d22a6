import { seededRandom, type RandomSource } from '#kernel/random.ts';
import { VirtualClock } from '#kernel/virtual-clock.ts';
import { isProvisioned, type Endpoint } from '#model/endpoint.ts';
import type { ModelRoute } from '#model/model-route.ts';
import type { BalancedCall } from '#proxy/routing/balancers/balancer.ts';
import { yieldPointsOf } from '#proxy/routing/config-endpoint.ts';
import { healthRulesOf } from '#proxy/routing/config-health.ts';
import type { Verdict } from '#proxy/routing/endpoint-state.ts';
import { EndpointHealth } from '#proxy/routing/health.ts';
import type { Choice } from '#proxy/routing/choice.ts';
import { Plan } from '#proxy/routing/plan.ts';
import { Pools, type Pool } from '#proxy/routing/pool.ts';
import { routeOf } from '#proxy/routing/route-of.ts';
import { judge } from '#proxy/routing/verdict.ts';
import { scheduleArrivals } from './arrivals.ts';
import type { Script } from './script.ts';
import { SimulatedEndpoint, type Answer } from './simulated-endpoint.ts';
import { Tally, type TallyRow } from './tally.ts';

const ignore = (): void => {};

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
    maxInFlight: null,
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
interface Call {
  readonly asked: BalancedCall;
  readonly plan: Plan;
  readonly deadlineAt: number;
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
    this.#health = new EndpointHealth({ clock, random: this.#random, events: { happened: ignore, odd: ignore } });
    this.#pool = new Pools(this.#health, this.#random).of(modelOf(script, this.#known));
    this.tally = new Tally({
      durationMs: script.duration,
      intervalMs: script.interval,
      endpoints: this.#names.length,
    });
  }

  get random(): RandomSource {
    return this.#random;
  }

  begin(asked: BalancedCall): void {
    const now = this.clock.monotonic();
    this.tally.client(now, 'asked');
    const plan = new Plan(this.#pool, asked, { clock: this.clock, random: this.#random });
    this.#next({ asked, plan, deadlineAt: now + this.#pool.route.deadlineMs });
  }

  /** Notes how every endpoint stands now, in the row of the interval that ends. */
  note(row: TallyRow): void {
    const now = this.clock.monotonic();
    this.#names.forEach((name, index) => {
      const [endpoint, counts] = [this.#known.get(name), row.endpoints[index]];
      if (endpoint === undefined || counts === undefined) return;
      const state = this.#health.of(endpoint);
      counts.state = state.state(now);
      counts.utilization = state.load.utilized ? state.load.utilization(now) : null;
    });
  }

  #next(call: Call): void {
    const now = this.clock.monotonic();
    const choice = call.plan.next();
    if (choice === undefined) {
      this.tally.client(now, call.plan.states().includes('throttled') ? 'throttled' : 'failed');
      return;
    }
    if (call.plan.made === 2) this.tally.client(now, 'retried');
    const name = choice.member.endpoint.name;
    this.tally.endpoint(now, this.#names.indexOf(name), 'attempts');
    const answer = this.#endpoints.get(name)?.answer(now);
    if (answer !== undefined) this.#expect(call, choice, answer);
  }

  /** Whatever comes first: the answer, the end of the wait for a first byte, the end of the caller's time. */
  #expect(call: Call, choice: Choice, answer: Answer): void {
    const left = call.deadlineAt - this.clock.monotonic();
    const { firstByteTimeoutMs, replyTimeoutMs } = this.#pool.route;
    const patience = call.asked.stream ? firstByteTimeoutMs : (replyTimeoutMs ?? Number.POSITIVE_INFINITY);
    // A reply that is not streamed has its first byte when it is whole.
    const comes = call.asked.stream || answer.kind !== 'reply' ? answer.firstByteMs : answer.endMs;
    if (comes <= Math.min(left, patience)) this.clock.after(comes, () => this.#arrived(call, choice, answer));
    else if (patience < left)
      this.clock.after(patience, () =>
        this.#fault(call, choice, { kind: 'failed', reason: 'no first byte in time', leastMs: 0 }),
      );
    else this.clock.after(left, () => this.#tooLate(choice));
  }

  #arrived(call: Call, choice: Choice, answer: Answer): void {
    const now = this.clock.monotonic();
    const { lease } = choice;
    if (answer.kind === 'no-connection') {
      this.#fault(call, choice, { kind: 'failed', reason: 'no connection', leastMs: 0 });
      return;
    }
    lease.read(answer.headers);
    if (answer.kind === 'answer') {
      this.#answered(call, choice, answer);
      return;
    }
    const { stream } = call.asked;
    const firstByteMs = stream ? answer.firstByteMs : answer.endMs;
    lease.report({ kind: 'served', firstByteMs, stream });
    this.tally.endpoint(now, this.#indexOf(choice), 'served');
    this.clock.after(stream ? answer.endMs - answer.firstByteMs : 0, () => this.#ended(choice, answer));
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

  #answered(call: Call, choice: Choice, answer: Answer): void {
    const { status, headers, body } = answer;
    const judgement = judge({ status, headers, body, now: this.clock.now(), odd: ignore });
    if (judgement.action === 'try-another') this.#fault(call, choice, judgement.fault);
    else {
      choice.lease.end();
      this.tally.client(this.clock.monotonic(), 'refused');
    }
  }

  #fault(call: Call, choice: Choice, fault: Exclude<Verdict, { kind: 'served' | 'too-slow' }>): void {
    const what = fault.kind === 'throttled' ? 'throttled' : 'failed';
    this.tally.endpoint(this.clock.monotonic(), this.#indexOf(choice), what);
    choice.lease.report(fault);
    choice.lease.end();
    this.#next(call);
  }

  #tooLate(choice: Choice): void {
    const now = this.clock.monotonic();
    choice.lease.report({ kind: 'too-slow' });
    choice.lease.end();
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
    scheduleArrivals({ clock, random, load: one, until: script.duration, arrive: (call) => simulator.begin(call) });
  for (const row of tally.rows) {
    clock.runUntil(row.fromMs + script.interval);
    simulator.note(row);
  }
  // What is under way at the end is let run out.
  clock.runUntil(script.duration + script.model.deadline);
  return { endpoints: Object.keys(script.endpoints), rows: tally.rows };
}
