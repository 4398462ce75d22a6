import type { ConfigPath } from '#kernel/config-section.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Interpolated {
  readonly value: unknown;
  /** Strings that held a reference, by where they stand: the text as it stands in the file. */
  readonly references: readonly { readonly path: ConfigPath; readonly source: string }[];
  /** References to what the environment does not have. */
  readonly missing: readonly { readonly path: ConfigPath; readonly message: string; readonly fix: string }[];
}

// `$${` is a literal `${`. A default ends at the first `}`.
const pattern = /\$(\$?)\{([^}]*)\}/g;
const reference = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s;

/**
 * Replaces `${NAME}` and `${NAME:-default}` in every string of a tree (in values, never in keys). As in the shell, the
 * default also stands in for a variable that is empty. Replaced text is not looked at again.
 */
export function interpolate(tree: unknown, environment: Environment): Interpolated {
  const references: { path: ConfigPath; source: string }[] = [];
  const missing: { path: ConfigPath; message: string; fix: string }[] = [];

  function replace(text: string, path: ConfigPath): string {
    if (!text.includes('${')) return text;
    references.push({ path, source: text });
    return text.replaceAll(pattern, (whole: string, escaped: string, body: string) => {
      if (escaped !== '') return whole.slice(1);
      const [, name, fallback] = reference.exec(body) ?? [];
      if (name === undefined) {
        missing.push({
          path,
          message: `'${whole}' is no reference to a variable`,
          fix: 'Write ${NAME} or ${NAME:-default}; $${ for a literal ${.',
        });
        return whole;
      }
      const value = environment[name];
      if (value !== undefined && (value !== '' || fallback === undefined)) return value;
      if (fallback !== undefined) return fallback;
      missing.push({
        path,
        message: `the environment variable ${name} is not set`,
        fix: `Set it, or give a default: \${${name}:-…}.`,
      });
      return whole;
    });
  }

  function visit(value: unknown, path: ConfigPath): unknown {
    if (typeof value === 'string') return replace(value, path);
    if (Array.isArray(value)) return value.map((item, index) => visit(item, [...path, index]));
    if (typeof value !== 'object' || value === null) return value;
    const copy: Record<string, unknown> = Object.create(null);
    for (const [key, item] of Object.entries(value)) copy[key] = visit(item, [...path, key]);
    return copy;
  }

  return { value: visit(tree, []), references, missing };
}

/** Whether a string is one reference and nothing else: the only way in which a secret may stand in the file. */
export function isWholeReference(source: string): { readonly hasDefault: boolean } | undefined {
  const match = /^\$\{([^}]*)\}$/.exec(source);
  const [, name, fallback] = match === null ? [] : (reference.exec(match[1] ?? '') ?? []);
  return name === undefined ? undefined : { hasDefault: fallback !== undefined };
}
