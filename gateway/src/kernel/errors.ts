import { errorDefinitions, type DialectError, type ErrorCode } from '@tollgate/contract/errors.ts';

export type { ErrorCode, DialectError };

/** What is known of a failure beside its code and its sentence. */
export interface FailureOptions {
  /** The field of the request that is at fault, in the dialect's `param`. */
  readonly param?: string;
  /** Everything that is wrong with the request, one entry each; the admin API shows them. */
  readonly details?: readonly string[];
  /** Whole seconds for `retry-after`. */
  readonly retryAfterSeconds?: number;
  /** Tells SDKs not to retry (`x-should-retry: false`), because Tollgate has retried already. */
  readonly retriesSpent?: boolean;
  /** For the log only; never shown to a caller. */
  readonly cause?: unknown;
  /** `allow`, for 405. */
  readonly allow?: string;
}

/**
 * An error that a caller may see: a code of the closed list and a message made of words that are safe to show.
 * Anything else that is thrown becomes `internal_error` with an id.
 */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly code: ErrorCode;
  readonly options: FailureOptions;

  constructor(code: ErrorCode, message: string, options: FailureOptions = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.options = options;
  }

  get status(): number {
    return errorDefinitions[this.code].status;
  }
}

/** The failure that a caller is shown for whatever was thrown. */
export function toFailure(thrown: unknown): Failure {
  return thrown instanceof Failure
    ? thrown
    : new Failure('internal_error', 'Something failed inside the gateway.', { cause: thrown });
}

/** The body of an error as the SDKs of Azure OpenAI and OpenAI read it. */
export function dialectError(failure: Failure, requestId: string): DialectError {
  return {
    error: {
      code: failure.code,
      message: `${failure.message} (request id: ${requestId})`,
      type: errorDefinitions[failure.code].type,
      param: failure.options.param ?? null,
    },
  };
}
