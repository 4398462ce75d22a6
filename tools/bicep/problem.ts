/** One thing that is wrong in a template, where it stands, and what to do about it. */
export interface Problem {
  /** Which check found it: `unknown-name`, `property-value`, … */
  readonly rule: string;
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

export class BicepSyntaxError extends Error {
  override readonly name = 'BicepSyntaxError';
  readonly line: number;

  constructor(message: string, line: number) {
    super(message);
    this.line = line;
  }
}

export function formatProblem({ rule, file, line, message }: Problem): string {
  return `${file}:${line} ${rule}: ${message}`;
}
