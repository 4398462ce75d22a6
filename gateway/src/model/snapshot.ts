import type { FrontTerms } from './front-terms.ts';
import type { AffinityRules } from './affinity.ts';
import type { SubscriptionDirectory } from './caller.ts';
import type { EndUserTerms } from './end-users.ts';
import type { Endpoint } from './endpoint.ts';
import type { LimitBook } from './limits.ts';
import type { ModelRoute } from './model-route.ts';
import type { PriceBook } from './price-book.ts';
import type { TokenTerms } from './token-terms.ts';

/** What files of batches may hold. */
interface BatchTerms {
  /** Of one file, bytes. */
  readonly maxFileBytes: number;
  readonly maxLines: number;
  /** How long an upload may stand still, and last as a whole, ms. */
  readonly uploadSilenceMs: number;
  readonly uploadDeadlineMs: number;
  /** From the last byte of a file until the resource has answered, ms. */
  readonly uploadTimeoutMs: number;
}

interface RequestLimits {
  readonly maxBodyBytes: number;
}

/** Everything that may change while running, frozen. A request keeps the snapshot that it started with. */
export interface Snapshot {
  /** Grows with every change. */
  readonly version: number;
  readonly organisation: string;
  readonly models: ReadonlyMap<string, ModelRoute>;
  readonly endpoints: ReadonlyMap<string, Endpoint>;
  readonly directory: SubscriptionDirectory;
  /** Null where callers are known by keys alone. */
  readonly entra: TokenTerms | null;
  /** Null where no gateway in front shows a certificate. */
  readonly front: FrontTerms | null;
  /** Null where end users are not told apart. */
  readonly endUsers: EndUserTerms | null;
  readonly prices: PriceBook;
  readonly limits: RequestLimits;
  readonly batches: BatchTerms;
  readonly affinity: AffinityRules;
  /** Replies name the endpoints that were tried. */
  readonly explainHeader: boolean;
  readonly limitBook: LimitBook;
  /** A call that names no output cap is sent with its model's maximum. */
  readonly sendModelMaximum: boolean;
}

/** Who needs the current snapshot asks here, once per request. */
export interface SnapshotSource {
  current(): Snapshot;
}
