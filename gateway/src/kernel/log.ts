/** The structured logger's face; `pino` fits it. Never given a prompt, a reply, a key or a header whole. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Says nothing: where what went wrong is told by other means. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };
