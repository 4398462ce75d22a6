import type { Binding } from './affinity.ts';
import type { Subscription } from './caller.ts';
import type { Exchange } from './exchange.ts';
import type { ModelRoute } from './model-route.ts';
import type { ChargedTo } from './usage-record.ts';

/** Who is calling. Only `consumers` makes one. */
export interface Caller {
  readonly subscription: Subscription;
  readonly chargedTo: ChargedTo;
}

/** Top-level members to set in the body on its way upstream: name -> JSON text. */
export type BodyEdits = Map<string, string>;

/** A request that passed the inbound policies: only this can be forwarded. */
export interface Admission {
  readonly exchange: Exchange;
  readonly caller: Caller;
  readonly route: ModelRoute;
  readonly edits: BodyEdits;
  /** Where it must go because of what it refers to; null: anywhere. */
  readonly binding: Binding | null;
}
