import type { Counted, CountRequest } from '#proxy/usage/ports.ts';

/** To the worker: one at a time. Bytes are moved, not copied. */
export interface CountJob {
  readonly id: number;
  readonly tokenizer: CountRequest['tokenizer'];
  readonly operation: CountRequest['operation'];
  readonly stream: boolean;
  readonly requestBody: Uint8Array<ArrayBuffer> | undefined;
  /** The delivered buffers, joined. */
  readonly delivered: Uint8Array<ArrayBuffer> | undefined;
}

/** From the worker. */
export interface CountAnswer {
  readonly id: number;
  readonly counted: Counted;
}
