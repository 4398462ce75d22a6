import { isJsonObject, type Json } from '#kernel/json.ts';
import type { Admission } from '#model/admission.ts';
import type { HedgingTerms } from '#model/priority.ts';
import { Attempt, type AttemptResult, type Interruption } from './attempt.ts';
import type { Forwarding } from './deliver.ts';
import type { Leg } from './leg.ts';
import { placeAt, type Place } from './place.ts';
import type { Hedged } from './instruments.ts';
import { livesInOneResource } from './policies/request-checks/request-checks.ts';
import type { Choice } from './routing/choice.ts';
import type { Services } from './services.ts';

/** An attempt, and what it came to. */
export interface Made {
  readonly attempt: Attempt;
  readonly result: AttemptResult;
}

interface Running {
  readonly attempt: Attempt;
  readonly end: Promise<Made>;
}

type TryAnother = Extract<AttemptResult, { kind: 'try-another' }>;

/** Tools that run at the provider, perhaps with effects, and are charged by the call. */
const runsElsewhere = (tool: Json): boolean =>
  !isJsonObject(tool) || (tool['type'] !== 'function' && tool['type'] !== 'custom');

/** Responses are stored unless they say otherwise, chat completions only if they say so. */
function leavesSomething({ exchange }: Admission): boolean {
  const { json } = exchange.body;
  const { tools } = json;
  const stored = exchange.operation === 'responses' ? json['store'] !== false : json['store'] === true;
  return stored || (Array.isArray(tools) && tools.some(runsElsewhere));
}

/**
 * On which terms a call may be sent twice at a time; null: it may not. A reply that is not streamed has its first byte when it
 * is whole, so slowness tells nothing and a second one would be paid for in full; vectors come fast.
 */
export function hedgingOf(admission: Admission): HedgingTerms | null {
  const { hedging } = admission.caller.subscription.product.routing;
  if (hedging === null) return null;
  const { exchange, binding } = admission;
  if (!exchange.stream && exchange.operation !== 'embeddings') return null;
  return leavesSomething(admission) || livesInOneResource(exchange, binding) ? null : hedging;
}

/** Two attempts of one call at the most, of which one is delivered. */
export class Race {
  readonly #services: Services;
  readonly #leg: Leg;
  readonly #forwarding: Forwarding;
  readonly #running: Running[] = [];
  /** One has ended, or nobody waits for either. */
  #over = false;

  constructor(services: Services, leg: Leg, forwarding: Forwarding) {
    this.#services = services;
    this.#leg = leg;
    this.#forwarding = forwarding;
  }

  /** Runs `first`, and another one beside it where it is slow. What is returned is not settled where it was accepted. */
  async run(first: Attempt, { atLeastMs }: HedgingTerms): Promise<Made> {
    const { presence } = this.#forwarding;
    const gives = this.#leg.admission.route.onClientDisconnect === 'cancel';
    if (gives) presence.watch(() => this.#interrupt('client-left'));
    try {
      const { p95 } = this.#leg.plan.pool.firstBytes;
      const end = this.#begin(first);
      // Nobody can say yet what is slow.
      if (p95 === undefined || (await this.#endsWithin(end, Math.max(p95, atLeastMs))))
        return this.#observed(await end);
      return (await this.#hedge()) ? await this.#finish() : this.#observed(await end);
    } finally {
      if (gives) presence.unwatch();
    }
  }

  #begin(attempt: Attempt): Promise<Made> {
    const end = attempt.run().then((result) => {
      this.#over = true;
      return { attempt, result };
    });
    this.#running.push({ attempt, end });
    return end;
  }

  async #endsWithin(end: Promise<Made>, ms: number): Promise<boolean> {
    const late = Promise.withResolvers<false>();
    const timer = this.#services.clock.after(ms, () => late.resolve(false));
    try {
      return await Promise.race([end.then(() => true), late.promise]);
    } finally {
      timer.cancel();
    }
  }

  /** Begins the second attempt; false where there is none. */
  async #hedge(): Promise<boolean> {
    const { plan, admission } = this.#leg;
    const choice = plan.hedge();
    if (choice === undefined) {
      this.#tell('nowhere');
      return false;
    }
    const place = await this.#placeAt(choice);
    if (place === undefined) {
      this.#tell('unpaid');
      return false;
    }
    const { at, reservation } = place;
    // While it was reserved for, it may have become useless.
    if (this.#over) {
      choice.lease.end();
      reservation.release();
      return false;
    }
    this.#forwarding.attempts += 1;
    const number = this.#forwarding.attempts;
    void this.#begin(new Attempt(this.#services, { admission, choice, at, reservation, number }));
    return true;
  }

  /** Whatever goes wrong with a second attempt is nothing to the first one. */
  async #placeAt(choice: Choice): Promise<Place | undefined> {
    try {
      return await placeAt(this.#services, this.#forwarding, { ...this.#leg, choice, again: true });
    } catch (thrown) {
      this.#logFailure(thrown, 'a hedge could not be reserved for');
      return undefined;
    }
  }

  /** The first reply that begins, or else whatever comes last. */
  async #finish(): Promise<Made> {
    const [first, second] = this.#running;
    if (first === undefined || second === undefined) throw new Error('There is no race.');
    let made: Made;
    try {
      made = await Promise.race([first.end, second.end]);
    } catch (thrown) {
      for (const one of this.#running) this.#lose(one, 'hedge-lost');
      throw thrown;
    }
    const other = made.attempt === first.attempt ? second : first;
    const { result } = made;
    if (result.kind === 'try-another') return await this.#rest(made.attempt, result, other);
    this.#tell(result.kind === 'over' ? 'none' : this.#nameOf(made.attempt));
    this.#lose(other, result.kind === 'over' ? result.why : 'hedge-lost');
    return this.#observed(made);
  }

  /** One of them has failed: everything depends on the other. */
  async #rest(failed: Attempt, result: TryAnother, { end }: Running): Promise<Made> {
    this.#leg.plan.learn(failed.options.choice.member, result);
    this.#forwarding.trail.push(`${failed.endpointName}:${result.fault.kind}`);
    const last = await end;
    const { kind } = last.result;
    this.#tell(kind === 'accepted' || kind === 'answered' ? this.#nameOf(last.attempt) : 'none');
    return this.#observed(last);
  }

  #lose(one: Running, why: Interruption): void {
    this.#forwarding.trail.push(`${one.attempt.endpointName}:${why}`);
    // It took at least so long: left out, the slow ones would be missing from what is usual.
    this.#observe(one.attempt);
    one.attempt.interrupt(why);
    this.#forwarding.losing = Promise.all([this.#forwarding.losing, this.#settleLoser(one)]);
  }

  async #settleLoser({ attempt, end }: Running): Promise<void> {
    try {
      const { result } = await end;
      if (result.kind === 'accepted') await attempt.lose(result.reply);
    } catch (thrown) {
      this.#logFailure(thrown, 'settle failed');
    }
  }

  #observed(made: Made): Made {
    if (made.result.kind === 'accepted') this.#observe(made.attempt);
    return made;
  }

  #observe(attempt: Attempt): void {
    this.#leg.plan.pool.firstBytes.observe(attempt.firstByteMs);
  }

  #interrupt(why: Interruption): void {
    this.#over = true;
    for (const { attempt } of this.#running) attempt.interrupt(why);
  }

  #logFailure(thrown: unknown, what: string): void {
    this.#services.log.error({ requestId: this.#leg.admission.exchange.requestId, err: thrown }, what);
  }

  #nameOf(attempt: Attempt): 'first' | 'second' {
    return attempt === this.#running[0]?.attempt ? 'first' : 'second';
  }

  #tell(how: Hedged): void {
    this.#services.instruments.hedged(this.#leg.admission.route.name, how);
  }
}
