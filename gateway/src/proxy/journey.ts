import type { Failure } from '#kernel/errors.ts';
import type { Caller } from '#model/admission.ts';
import type { Arrival } from '#model/arrival.ts';
import type { Exchange } from '#model/exchange.ts';
import type { HeadContext } from './accept/read-head.ts';
import type { Forwarding } from './deliver.ts';
import type { PassedLimits } from './ports.ts';

/** What is known of a request so far; filled on the way, for the log line and the error answer. */
export interface Journey extends HeadContext {
  readonly forwarding: Forwarding;
  /** Whatever limits it has come to. */
  limits: PassedLimits | undefined;
  arrival: Arrival | undefined;
  caller: Caller | undefined;
  exchange: Exchange | undefined;
  failure: Failure | undefined;
  /** Monotonic ms: nothing more came to its client. */
  endedAt: number;
}
