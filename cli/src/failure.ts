/** What the exit status of `tollgate` means. Documented in docs/reference/cli.md. */
export const exitCodes = {
  ok: 0,
  /** The command did its work and found something wrong, or the work failed. */
  failed: 1,
  /** The command was called wrongly. */
  usage: 2,
  /** No gateway is running where the command looked. */
  noGateway: 3,
} as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export interface FailureOptions {
  /** Default: `failed`. */
  readonly exitCode?: ExitCode;
  /** What to do about it, in further lines. */
  readonly hints?: readonly string[];
  /** Shown with `--debug` only. */
  readonly cause?: unknown;
}

/** A failure that is told in plain words. Anything else that is thrown is a defect of ours. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
  readonly exitCode: ExitCode;
  readonly hints: readonly string[];

  constructor(message: string, options: FailureOptions = {}) {
    super(message, { cause: options.cause });
    this.exitCode = options.exitCode ?? exitCodes.failed;
    this.hints = options.hints ?? [];
  }
}

/** The `code` of a system error (`ECONNREFUSED`, `ENOENT`), also where it is the cause of another error. */
export function systemErrorCode(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error)) return undefined;
  if ('code' in thrown && typeof thrown.code === 'string') return thrown.code;
  if (thrown instanceof AggregateError) return systemErrorCode(thrown.errors[0]);
  return systemErrorCode(thrown.cause);
}
