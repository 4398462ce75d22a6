import { isJsonObject, type Json } from '#kernel/json.ts';
import type { Admission } from '#model/admission.ts';
import type { Watcher } from '#model/presence.ts';
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
  const searches = (json['web_search_options'] ?? null) !== null;
  return stored || searches || (Array.isArray(tools) && tools.some(runsElsewhere));
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
export class Race implements Watcher {
  readonly #services: Services;
  readonly #leg: Leg;
  readonly #forwarding: Forwarding;
  readonly #running: Running[] = [];
  /** What is slower than that is slow, ms. */
  #patienceMs = 0;
  /** One has ended, however, or nobody waits for either. */
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
    if (gives) presence.watch(this);
    try {
      const { p95 } = this.#leg.plan.pool.firstBytes;
      const end = this.#begin(first);
      // Nobody can say yet what is slow.
      this.#patienceMs = Math.max(p95 ?? 0, atLeastMs);
      if (p95 === undefined || (await this.#endsWithin(end, this.#patienceMs))) return this.#observed(await end);
      return (await this.#hedge()) ? await this.#finish() : this.#observed(await end);
    } finally {
      if (gives) presence.unwatch();
    }
  }

  #begin(attempt: Attempt): Promise<Made> {
    const end = attempt
      .run()
      .then((result) => ({ attempt, result }))
      .finally(() => {
        this.#over = true;
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
    // What is read to its end for its usage alone is in no hurry.
    if (this.#forwarding.presence.gone) return false;
    const choice = plan.hedge();
    if (choice === undefined) {
      this.#tell('nowhere');
      return false;
    }
    const place = await this.#placeAt(choice);
    if (place === undefined) {
      plan.unmade(choice, 'unpaid');
      this.#tell('unpaid');
      return false;
    }
    const { at, reservation } = place;
    // While it was reserved for, it may have become useless.
    if (this.#over) {
      plan.unmade(choice, 'overtaken');
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
    const extra = this.#unlessItFails(second);
    let made: Made | undefined;
    try {
      made = await Promise.race([first.end, extra]);
    } catch (thrown) {
      this.#lose(second, 'hedge-lost');
      throw thrown;
    }
    if (made === undefined) {
      this.#tell('none');
      return this.#observed(await first.end);
    }
    const { result } = made;
    const wins = made.attempt === first.attempt;
    if (result.kind === 'try-another') return await this.#rest({ ...made, result }, wins ? extra : first.end);
    if (result.kind === 'answered' && !wins) return await this.#unlessFirst(made, first);
    this.#tell(result.kind === 'over' ? 'none' : this.#nameOf(made.attempt));
    this.#lose(wins ? second : first, result.kind === 'over' ? result.why : 'hedge-lost');
    return this.#observed(made);
  }

  /** A second attempt that cannot be made, as where the journal takes no more, is nothing to the first one: undefined then. */
  async #unlessItFails({ end }: Running): Promise<Made | undefined> {
    try {
      return await end;
    } catch (thrown) {
      this.#logFailure(thrown, 'a hedge could not be made');
      return undefined;
    }
  }

  /** One of them has failed: everything depends on the other. */
  async #rest(failed: Made & { readonly result: TryAnother }, other: Made | Promise<Made | undefined>): Promise<Made> {
    const last = await other;
    if (last === undefined) {
      this.#tell('none');
      return failed;
    }
    this.#leg.plan.learn(failed.attempt.options.choice.member, failed.result);
    this.#forwarding.trail.push(`${failed.attempt.endpointName}:${failed.result.fault.kind}`);
    const { kind } = last.result;
    this.#tell(kind === 'accepted' || kind === 'answered' ? this.#nameOf(last.attempt) : 'none');
    return this.#observed(last);
  }

  /**
   * The second attempt has an answer that is no reply. Its endpoint may be able to do less than the first one, so that one is
   * given as long again: what it has to say goes before it.
   */
  async #unlessFirst(answered: Made, first: Running): Promise<Made> {
    if (!(await this.#endsWithin(first.end, this.#patienceMs))) {
      this.#tell('second');
      this.#lose(first, 'hedge-lost');
      return answered;
    }
    const last = await first.end;
    if (last.result.kind === 'try-another') return await this.#rest({ ...last, result: last.result }, answered);
    this.#tell(last.result.kind === 'over' ? 'none' : 'first');
    this.#forwarding.trail.push(`${answered.attempt.endpointName}:answered`);
    return this.#observed(last);
  }

  #lose(one: Running, why: Interruption): void {
    this.#forwarding.trail.push(`${one.attempt.endpointName}:${why}`);
    // It took at least so long: left out, the slow ones would be missing from what is usual.
    this.#observe(one.attempt);
    if (one === this.#running[0] && why === 'hedge-lost') one.attempt.outrun();
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

  clientLeft(): void {
    this.#interrupt('client-left');
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
