import { dirname, resolve } from 'node:path';
import type { ConfigPath } from '#kernel/config-section.ts';
import { Secret } from '#kernel/secret.ts';
import { isWholeReference } from './interpolate.ts';
import type { SecretValues } from './ports.ts';
import { readSecretFile } from './read-file.ts';
import type { ValueProblem } from './schema-problems.ts';

interface SecretContext {
  readonly configFile: string;
  /** The text of the file at a path, where that text held a reference. */
  readonly sourceAt: (path: ConfigPath) => string | undefined;
  /** Those that stand elsewhere; undefined: nobody asks for them, and they are left empty. */
  readonly outside: SecretValues | undefined;
}

export interface LoadedSecrets {
  readonly problems: readonly ValueProblem[];
  /** Where secrets stand that have no value: what is said of them there is not of their making. */
  readonly empty: readonly ConfigPath[];
}

const nothing: LoadedSecrets = { problems: [], empty: [] };

/**
 * Finds every secret in a loaded value, reads those that stand in files or elsewhere, and refuses those that stand in the
 * configuration itself. No problem shows a secret.
 */
export function loadSecrets(value: unknown, path: ConfigPath, context: SecretContext): LoadedSecrets {
  if (value instanceof Secret) {
    const problems = loadSecret(value, path, context);
    return value.reveal() === '' ? { problems, empty: [path] } : { problems, empty: [] };
  }
  if (typeof value !== 'object' || value === null) return nothing;
  const entries: (readonly [string | number, unknown])[] = Array.isArray(value)
    ? value.map((item: unknown, index) => [index, item] as const)
    : Object.entries(value);
  const loaded = entries.map(([key, item]) => loadSecrets(item, [...path, key], context));
  return { problems: loaded.flatMap(({ problems }) => problems), empty: loaded.flatMap(({ empty }) => empty) };
}

/** Where the secrets of a loaded configuration stand, but for those of the environment. */
export interface SecretPlaces {
  /** Addresses in Key Vault. */
  readonly keyVault: ReadonlySet<string>;
  /** Relative to the configuration file. */
  readonly files: ReadonlySet<string>;
}

export function secretPlaces(value: unknown): SecretPlaces {
  const places = { keyVault: new Set<string>(), files: new Set<string>() };
  const visit = (inner: unknown): void => {
    if (inner instanceof Secret) {
      if (inner.keyVault !== null) places.keyVault.add(inner.keyVault);
      if (inner.file !== null) places.files.add(inner.file);
    } else if (typeof inner === 'object' && inner !== null) for (const one of Object.values(inner)) visit(one);
  };
  visit(value);
  return places;
}

type Told = { readonly message: string; readonly fix: string } | undefined;

function loadSecret(secret: Secret, path: ConfigPath, context: SecretContext): readonly ValueProblem[] {
  const told = readSecret(secret, path, context);
  return told === undefined ? [] : [{ path, ...told, severity: 'error' }];
}

function readSecret(secret: Secret, path: ConfigPath, context: SecretContext): Told {
  if (secret.keyVault !== null) return fromKeyVault(secret, secret.keyVault, context);
  if (secret.file !== null) return fromFile(secret, secret.file, context);
  const whole = isWholeReference(context.sourceAt(path) ?? '');
  if (whole === undefined) {
    return {
      message: 'a secret stands here in clear',
      fix: 'Write a reference instead: "${NAME}", { file: path } or { keyVault: address }.',
    };
  }
  if (whole.hasDefault && !secret.mayHaveDefault) {
    return { message: 'a secret stands here in clear, as a default', fix: 'Write "${NAME}" without a default.' };
  }
  return secret.reveal() === '' ? { message: 'the secret is empty', fix: 'Set the environment variable.' } : undefined;
}

function fromKeyVault(secret: Secret, reference: string, { outside }: SecretContext): Told {
  const held = outside?.held(reference);
  if (held === undefined) return undefined;
  if ('problem' in held) return { message: held.problem, fix: held.fix };
  // As in a file: whoever set it from one has set its last newline, too.
  const text = held.text.replace(/\r?\n$/, '');
  secret.load(text);
  return text === '' ? { message: `the secret ${reference} is empty`, fix: 'Set a new version of it.' } : undefined;
}

function fromFile(secret: Secret, file: string, { configFile }: SecretContext): Told {
  const read = readSecretFile(resolve(dirname(configFile), file));
  if ('problem' in read) return { message: read.problem, fix: read.fix };
  secret.load(read.text);
  return read.text === '' ? { message: `the file '${file}' is empty`, fix: 'Write the secret into it.' } : undefined;
}
