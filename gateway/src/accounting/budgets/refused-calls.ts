import type { Failure } from '#kernel/errors.ts';
import type { Caller } from '#model/admission.ts';
import type { Refusal } from './refusal.ts';

/** Which call it was: an admission, or a request that uses nothing of a model. */
export interface RefusableCall {
  readonly exchange: { readonly requestId: string; readonly requestedModel?: string };
  readonly caller: Pick<Caller, 'chargedTo'>;
}

/** An attempt that limits and budgets refused. */
export interface RefusedAttempt {
  readonly failure: Failure;
  /**
   * Everything that it lacked, the one that was told first. Where counters could not be asked, every hard budget on its
   * way; empty where nothing but the call itself was wrong.
   */
  readonly limits: readonly Refusal[];
  /** Undefined where nobody knows which call it is of. */
  readonly call: RefusableCall | undefined;
}

/** The same, kept: nothing of what was asked is in it. */
export interface RefusedCall {
  readonly requestId: string;
  /** UTC ms. */
  readonly at: number;
  readonly subscription: string;
  readonly consumer: string;
  readonly product: string;
  /** The name that the client used; null where the request is about no model. */
  readonly model: string | null;
  readonly failure: Failure;
  readonly limits: readonly Refusal[];
}

/** What was refused last; the oldest makes room. */
export class RefusedCalls {
  readonly #ring: (RefusedCall | undefined)[];
  #at = 0;

  /** `keep` 0 keeps none. */
  constructor(keep: number) {
    this.#ring = Array.from({ length: keep });
  }

  /** `at`: UTC ms. */
  add({ failure, limits, call }: RefusedAttempt, at: number): void {
    if (call === undefined || this.#ring.length === 0) return;
    const { exchange, caller } = call;
    const { subscription, consumer, product } = caller.chargedTo;
    this.#ring[this.#at] = {
      requestId: exchange.requestId,
      at,
      subscription,
      consumer,
      product,
      model: exchange.requestedModel ?? null,
      failure,
      limits,
    };
    this.#at = (this.#at + 1) % this.#ring.length;
  }

  /** Every refusal of a request, the first one first: a retry may have been refused after it. People ask seldom. */
  of(requestId: string): readonly RefusedCall[] {
    const inOrder = [...this.#ring.slice(this.#at), ...this.#ring.slice(0, this.#at)];
    return inOrder.filter((one) => one !== undefined).filter((one) => one.requestId === requestId);
  }
}
