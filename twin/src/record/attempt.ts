import type { TwinAttempt } from '@tollgate/contract/twin.ts';

/** What the twin keeps of an attempt: the shared shape, and where it went. */
export interface AttemptReport extends TwinAttempt {
  readonly resource: string;
  /** UTC milliseconds of its arrival. */
  readonly at: number;
  /** The provisioned deployment that was full; null where the request was served where it was sent. */
  readonly spilledFrom: string | null;
  /** The W3C trace context that it was sent with; null where there was none. */
  readonly traceparent: string | null;
}

/** An attempt while it runs. */
export class Attempt implements AttemptReport {
  readonly id: string;
  readonly at: number;
  resource = '';
  deployment = '';
  operation = '';
  spilledFrom: string | null = null;
  traceparent: string | null = null;
  stream = false;
  status = 0;
  inputTokens = 0;
  cachedInputTokens = 0;
  outputTokens = 0;
  reasoningTokens = 0;
  complete = false;

  constructor(id: string, at: number) {
    this.id = id;
    this.at = at;
  }
}
