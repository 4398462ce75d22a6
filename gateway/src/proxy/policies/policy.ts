import type { Failure } from '#kernel/errors.ts';
import type { BodyEdits, Caller } from '#model/admission.ts';
import type { Binding } from '#model/affinity.ts';
import type { Exchange } from '#model/exchange.ts';
import type { ModelRoute } from '#model/model-route.ts';
import type { Reply } from '#model/reply.ts';

/** API Management's four sections, in the order in which a request meets them. */
export type Section = 'inbound' | 'backend' | 'outbound' | 'on-error';

/** What steps see and change. One per request; a step keeps nothing of it. */
export interface PolicyContext {
  readonly exchange: Exchange;
  readonly caller: Caller;
  readonly route: ModelRoute;
  /** Where it must go because of what it refers to; null: anywhere. */
  readonly binding: Binding | null;
  /** Top-level members to set in the body on its way upstream. */
  readonly edits: BodyEdits;
  /** In backend after a forward, and in outbound. A step that replaces it must have discarded the old one. */
  reply: Reply | undefined;
  /** In on-error: what the client will be told. A step may replace it. */
  failure: Failure | undefined;
  /** Calls the model: routing, attempts, metering. Only in backend; each call makes attempts of its own. */
  readonly forward: () => Promise<Reply>;
}

/**
 * One step of a section. Refuses by throwing a Failure. Returns a promise only when it really waits: the pipeline goes
 * on in the same turn otherwise.
 */
export interface PolicyStep {
  readonly name: string;
  readonly section: Section;
  /** Of an inbound step: it judges whether the model can serve the call, so every model that it may fall back to is judged, too. */
  readonly judgesModel?: true;
  run(context: PolicyContext): void | Promise<void>;
}
