import { Failure, type ErrorCode } from '#kernel/errors.ts';

/** What crosses between a thread and its worker; everything in it can be cloned. */
export type ToWorker =
  | {
      readonly kind: 'call';
      /** Null: nobody waits for an answer. */
      readonly id: number | null;
      readonly service: string;
      readonly method: string;
      readonly parameters: readonly unknown[];
    }
  | { readonly kind: 'end' };

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'result'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly error: WireError }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly fields: object; readonly message: string };

/** An error as code and message: classes and stacks do not survive the crossing. */
export interface WireError {
  /** Null for anything but a `Failure`. */
  readonly code: ErrorCode | null;
  readonly message: string;
  readonly param: string | null;
  readonly details: readonly string[] | null;
  readonly retryAfterSeconds: number | null;
}

export function toWireError(thrown: unknown): WireError {
  if (!(thrown instanceof Failure))
    return {
      code: null,
      message: thrown instanceof Error ? thrown.message : String(thrown),
      param: null,
      details: null,
      retryAfterSeconds: null,
    };
  return {
    code: thrown.code,
    message: thrown.message,
    param: thrown.options.param ?? null,
    details: thrown.options.details ?? null,
    retryAfterSeconds: thrown.options.retryAfterSeconds ?? null,
  };
}

export function fromWireError(error: WireError): Error {
  if (error.code === null) return new Error(error.message);
  return new Failure(error.code, error.message, {
    ...(error.param === null ? {} : { param: error.param }),
    ...(error.details === null ? {} : { details: error.details }),
    ...(error.retryAfterSeconds === null ? {} : { retryAfterSeconds: error.retryAfterSeconds }),
  });
}
