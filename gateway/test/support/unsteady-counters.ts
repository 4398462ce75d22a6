import {
  CountersUnavailable,
  type Answer,
  type CounterStore,
  type Exchange,
  type JournalAccount,
  type KnownGateway,
  type Sums,
} from '#accounting/budgets/ports.ts';

/** How a network treats one exchange: turns of the event loop on the way, and what gets lost. */
export interface Weather {
  readonly before: number;
  readonly after: number;
  readonly lost: 'nothing' | 'request' | 'answer';
}

const turn = async (): Promise<void> => await new Promise((resolve) => setImmediate(resolve));

export async function turns(count: number): Promise<void> {
  for (let at = 0; at < count; at += 1) await turn();
}

/** Counters behind a network that delays and loses, and in front of a process that may be dead. */
export class UnsteadyCounters implements CounterStore {
  readonly shared = true;
  readonly #store: CounterStore;
  readonly #weather: () => Weather;
  /** A process that is gone asks for nothing and hears nothing. */
  dead = false;
  /** By account: what the store holds as this gateway's grant, whether the gateway has heard of it or not. */
  readonly stored: Map<string, bigint>;
  /** Called when the store has answered, whether the answer arrives or not. */
  onExchanged: () => void = () => undefined;

  /** `stored` goes on from process to process. */
  constructor(store: CounterStore, stored: Map<string, bigint>, weather: () => Weather) {
    this.#store = store;
    this.stored = stored;
    this.#weather = weather;
  }

  async exchange(exchange: Exchange): Promise<Answer> {
    const { before, after, lost } = this.#weather();
    await turns(before);
    if (this.dead || lost === 'request') throw new CountersUnavailable('The request was lost.');
    const given = this.#store.exchange(exchange);
    // Noted in the same turn, before another gateway's exchange can come in between.
    const answer = given instanceof Promise ? await given : given;
    exchange.accounts.forEach(({ key }, at) => this.stored.set(key, answer.accounts[at]?.granted ?? 0n));
    this.onExchanged();
    await turns(after);
    if (this.dead || lost === 'answer') throw new CountersUnavailable('The answer was lost.');
    return answer;
  }

  async build(key: string, journals: ReadonlyMap<string, Omit<Sums, 'inFlight'>>): Promise<void> {
    if (this.dead) throw new CountersUnavailable('The process is gone.');
    await this.#store.build(key, journals);
  }

  async recall(keys: readonly string[]): Promise<void> {
    await this.#store.recall(keys);
    // Long enough for whoever answers.
    await turns(30);
  }

  onRecall(run: (keys: readonly string[]) => void | Promise<void>): void {
    this.#store.onRecall(async (keys) => {
      if (!this.dead) await run(keys);
    });
  }

  async gateways(): Promise<readonly KnownGateway[]> {
    return await this.#store.gateways();
  }

  async accountsOf(journal: string): Promise<readonly JournalAccount[]> {
    return await this.#store.accountsOf(journal);
  }

  async writeOff(journal: string, key: string, known: Omit<Sums, 'inFlight'>): Promise<boolean> {
    return await this.#store.writeOff(journal, key, known);
  }

  async close(): Promise<void> {
    await this.#store.close();
  }
}
