import type { Arrival } from './arrival.ts';
import type { MeteredOperation } from './operation.ts';
import type { RequestBody } from './request-body.ts';

/** A whole request to a metered operation. Made by `accept` from an arrival and its body. */
export interface Exchange extends Arrival {
  readonly operation: MeteredOperation;
  /** The model or deployment name that the client used. */
  readonly requestedModel: string;
  readonly stream: boolean;
  /** The client itself asked for usage in its stream. */
  readonly wantsStreamUsage: boolean;
  readonly body: RequestBody;
}
