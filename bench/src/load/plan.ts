/** One kind of request. Plans travel between processes as JSON. */
export interface RequestTemplate {
  readonly name: string;
  /** With its query. */
  readonly path: string;
  /** JSON text. `{{stream}}` in it is replaced by the name under which the stream is paced. */
  readonly body: string;
  /** Text that the last event of a stream holds; null for a reply that is whole when its body is. */
  readonly terminal: string | null;
  /** The client closes the connection when it has received so many events; null: never. */
  readonly breakOffAfterEvents: number | null;
}

export interface LoadPlan {
  /** On 127.0.0.1. */
  readonly port: number;
  /** Sent with every request, the caller's key among them. */
  readonly headers: Readonly<Record<string, string>>;
  /** Each has one request in flight at any time. */
  readonly connections: number;
  /** Used in turn. */
  readonly templates: readonly RequestTemplate[];
  /** Either may end the run: no new requests after so long, or after so many. Those in flight are always finished. */
  readonly durationMs: number | null;
  readonly totalRequests: number | null;
  /** The process under test, whose processor time is read at the first request and at the end; null for none. */
  readonly pid: number | null;
  /** The core it is pinned to, whose idle time is read over the window; null for none. */
  readonly core: number | null;
}

/** Times are in milliseconds, quantiles right to 1 %. Null where there was nothing to measure. */
export interface LoadResult {
  /** From the first request until no new ones were begun. */
  readonly windowMs: number;
  /** Requests received in full, in the window and until the last one was finished. */
  readonly receivedInWindow: number;
  readonly received: number;
  readonly receivedByTemplate: Readonly<Record<string, number>>;
  /** Streams that the client broke off, as its plan says. */
  readonly brokenOff: number;
  /** Replies with another status than 2xx, and their number: `{"429": 3}`. */
  readonly refused: Readonly<Record<string, number>>;
  /** Connections that broke, replies cut off, streams that ended without their terminal event: what happened, how often. */
  readonly failures: Readonly<Record<string, number>>;
  /** Server-sent events received, in the window and in all. */
  readonly eventsInWindow: number;
  readonly events: number;
  /** Of unstreamed replies: from writing the request until the reply is whole. */
  readonly latency: Quantiles | null;
  /** Of streams: from writing the request until the first byte of the reply's body. */
  readonly firstByte: Quantiles | null;
  /** Events that had to be pushed on because the client did not see the one before (`Pacer.nudges`). */
  readonly nudges: number;
  /** Processor time of `pid` before the first request and at the end of the window. */
  readonly cpu: { readonly beforeMicros: number; readonly atEndMicros: number } | null;
  /** Share of the window in which nobody used the core, 0 to 1. */
  readonly coreIdle: number | null;
  /** Processor time of this process, load generator and upstream, over the window. */
  readonly ownCpuMicros: number;
}

export interface Quantiles {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}
