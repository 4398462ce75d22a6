import type { ConfigPath, ConfigReference } from '#kernel/config-section.ts';
import type { ValueProblem } from './schema-problems.ts';
import { suggestion } from '#kernel/suggest.ts';

/**
 * Names that lead nowhere. Looks at the values as they were written, not at what the schema made of them, so that they
 * are found in the same round as every other mistake.
 */
export function brokenReferences(root: unknown, references: readonly ConfigReference[]): readonly ValueProblem[] {
  const problems: ValueProblem[] = [];
  for (const reference of references) {
    const target = isMap(root) ? root[reference.to] : undefined;
    // A target that is no map is a mistake of its own, which the schema reports.
    if (target !== undefined && target !== null && !isMap(target)) continue;
    const known = new Set(Object.keys(target ?? {}));
    for (const found of namesAt(root, reference)) {
      if (known.has(found.name)) continue;
      problems.push({
        path: found.path,
        message: `there is no ${reference.noun} '${found.name}'`,
        fix: suggestion(found.name, [...known]) ?? `Nothing stands under ${reference.to}.`,
        severity: 'error',
      });
    }
  }
  return problems;
}

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

interface Found {
  readonly path: ConfigPath;
  readonly name: string;
}

function namesAt(root: unknown, reference: ConfigReference): readonly Found[] {
  let here: readonly { readonly path: ConfigPath; readonly value: unknown }[] = [{ path: [], value: root }];
  for (const step of reference.from) {
    here = here.flatMap(({ path, value }) => {
      if ((step === '*' || step === '[]') && Array.isArray(value)) {
        return value.map((item: unknown, index) => ({ path: [...path, index], value: item }));
      }
      if (step === '[]' || !isMap(value)) return [];
      if (step === '*') return Object.entries(value).map(([key, item]) => ({ path: [...path, key], value: item }));
      return [{ path: [...path, step], value: value[step] }];
    });
  }
  return here.flatMap(({ path, value }) => {
    if (typeof value === 'string') return [{ path, name: value }];
    if (reference.member === undefined || !isMap(value)) return [];
    const name = value[reference.member];
    return typeof name === 'string' ? [{ path: [...path, reference.member], name }] : [];
  });
}
