import type { ConfigPath } from '#kernel/config-section.ts';

/** One thing that is wrong with a configuration file, and what to do about it. */
export interface ConfigProblem {
  /** The file as it was named to the loader. */
  readonly file: string;
  /** From 1; 0 where the file as a whole is meant. */
  readonly line: number;
  /** From 1, in characters. */
  readonly column: number;
  /** `models["gpt-5.4-mini"].tiers[0]`; empty where the file as a whole is meant. */
  readonly path: string;
  readonly message: string;
  readonly fix: string | null;
  /** A warning does not keep the configuration from being used. */
  readonly severity: 'error' | 'warning';
}

export function showPath(path: ConfigPath): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[A-Za-z_][\w-]*$/.test(part)) text += text === '' ? part : `.${part}`;
    else text += `[${JSON.stringify(part)}]`;
  }
  return text;
}

/** `config.yaml:12:9 endpoints.payg-weu.type: 'X' is not one of … Did you mean 'Y'?` */
export function formatProblem(problem: ConfigProblem): string {
  const where = problem.line === 0 ? problem.file : `${problem.file}:${problem.line}:${problem.column}`;
  const what = problem.path === '' ? problem.message : `${problem.path}: ${problem.message}`;
  const sentence = /[.!?]$/.test(what) ? what : `${what}.`;
  const text = problem.fix === null ? sentence : `${sentence} ${problem.fix}`;
  return problem.severity === 'warning' ? `${where} warning: ${text}` : `${where} ${text}`;
}
