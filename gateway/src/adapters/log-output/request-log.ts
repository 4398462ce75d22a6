import type { Clock } from '#kernel/clock.ts';
import { parseJsonObject } from '#kernel/json.ts';

/** Level 30 of the general logger. */
const level = 'info';

export interface RequestLogOptions {
  readonly clock: Clock;
  readonly output: { write(line: string): void };
  /** The general logger, whose level counts here, too. */
  readonly log: { isLevelEnabled(level: string): boolean };
}

/**
 * Writes the line of each request past the general logger, which looks at every field of every line for what it might be.
 * The lines look like its own.
 */
export class RequestLog {
  readonly #options: RequestLogOptions;

  constructor(options: RequestLogOptions) {
    this.#options = options;
  }

  /** `members`: of a JSON object, without its braces. */
  write(members: string): void {
    const { clock, output, log } = this.#options;
    if (log.isLevelEnabled(level)) output.write(`{"level":30,"time":${clock.now()},${members},"msg":"request"}\n`);
  }
}

/** The same through a logger that has an output of its own. */
export function requestLogThrough(log: { info(fields: object, message: string): void }): Pick<RequestLog, 'write'> {
  return {
    write(members) {
      log.info(parseJsonObject(`{${members}}`) ?? {}, 'request');
    },
  };
}
