import { dirname, resolve } from 'node:path';
import type { ConfigPath } from '#kernel/config-section.ts';
import { Secret } from '#kernel/secret.ts';
import { isWholeReference } from './interpolate.ts';
import { readSecretFile } from './read-file.ts';
import type { ValueProblem } from './schema-problems.ts';

interface SecretContext {
  readonly configFile: string;
  /** The text of the file at a path, where that text held a reference. */
  readonly sourceAt: (path: ConfigPath) => string | undefined;
}

/**
 * Finds every secret in a loaded value, reads those that stand in files, and refuses those that stand in the
 * configuration itself. No problem shows a secret.
 */
export function loadSecrets(value: unknown, path: ConfigPath, context: SecretContext): readonly ValueProblem[] {
  if (value instanceof Secret) return loadSecret(value, path, context);
  if (typeof value !== 'object' || value === null) return [];
  const entries: (readonly [string | number, unknown])[] = Array.isArray(value)
    ? value.map((item: unknown, index) => [index, item] as const)
    : Object.entries(value);
  return entries.flatMap(([key, item]) => loadSecrets(item, [...path, key], context));
}

function loadSecret(secret: Secret, path: ConfigPath, context: SecretContext): readonly ValueProblem[] {
  const problem = (message: string, fix: string): readonly ValueProblem[] => [
    { path, message, fix, severity: 'error' },
  ];
  if (secret.file !== null) {
    const read = readSecretFile(resolve(dirname(context.configFile), secret.file));
    if ('problem' in read) return problem(read.problem, read.fix);
    secret.load(read.text);
    return read.text === '' ? problem(`the file '${secret.file}' is empty`, 'Write the secret into it.') : [];
  }
  const whole = isWholeReference(context.sourceAt(path) ?? '');
  if (whole === undefined) {
    return problem('a secret stands here in clear', 'Write a reference instead: "${NAME}", or { file: path }.');
  }
  if (whole.hasDefault && !secret.mayHaveDefault) {
    return problem('a secret stands here in clear, as a default', 'Write "${NAME}" without a default.');
  }
  return secret.reveal() === '' ? problem('the secret is empty', 'Set the environment variable.') : [];
}
