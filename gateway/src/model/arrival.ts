import type { CallTrace } from './call-trace.ts';
import type { Operation, StoredOperation, Surface } from './operation.ts';
import type { Snapshot } from './snapshot.ts';

/** Ids from a path, as the client knows them; null where the path has none. */
export interface StoredTarget {
  /** Of a response or a conversation. */
  readonly id: string | null;
  /** Of an item in it. */
  readonly item: string | null;
}

/** A request whose head has been read and understood; nothing of its body yet. Made by `accept`. */
export interface Arrival {
  /** Shown to the caller, in every log line and on every record of the request. */
  readonly requestId: string;
  /** UTC ms. */
  readonly receivedAt: number;
  /** Monotonic ms; for durations. */
  readonly startedAt: number;
  readonly surface: Surface;
  readonly operation: Operation | StoredOperation;
  /** From the path of the classic surface (deployment) or of `models/{model}`; null where the body names it. */
  readonly pathModel: string | null;
  /** What of the stored things its path names; null where it is about none. */
  readonly stored: StoredTarget | null;
  /** The query of the URL, without its question mark; '' where there is none. May hold a key: never logged. */
  readonly query: string;
  /** The subscription key as the client spelled it; null where it sent none. Never logged, never sent on. */
  readonly presentedKey: string | null;
  /** What `Authorization: Bearer` holds, where it has the form of a JSON Web Token. Never logged, never sent on. */
  readonly presentedToken: string | null;
  /** As they came, lower-case names. Never logged, never sent on whole. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /**
   * W3C trace context of the caller, as it came: `traceparent` and its value, then `tracestate` and its value where there is one;
   * empty where absent or malformed. Passed on where the gateway adds no spans.
   */
  readonly traceContext: readonly string[];
  /** Undefined where the gateway adds no spans to a trace. */
  readonly trace: CallTrace | undefined;
  /** `x-ms-client-request-id` of the client: echoed to it, recorded in the log, never sent on. */
  readonly clientRequestId: string | null;
  /** The state of the configuration that the request keeps to its end. */
  readonly snapshot: Snapshot;
}
