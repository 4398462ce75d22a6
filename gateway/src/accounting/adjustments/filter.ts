import { figureDimensions, type FigureDimension, type FigureFilter } from '#model/figures.ts';
import { Failure } from '#kernel/errors.ts';
import { operations, outcomes } from '#model/words.ts';

/** Words that records know; another one would find nothing, silently. */
const closedLists: Readonly<Partial<Record<FigureDimension, readonly string[]>>> = {
  outcome: Object.keys(outcomes),
  operation: Object.keys(operations),
};

const isDimension = (name: string): name is FigureDimension => figureDimensions.some((one) => one === name);

/**
 * `dimension=value` texts as filters: alternatives of one dimension in one, `==` for a cost centre without what is below
 * it. Throws `admin_invalid` with everything that is wrong.
 */
export function parseFilter(texts: readonly string[]): readonly FigureFilter[] {
  const wrong: string[] = [];
  const byDimension = new Map<string, { dimension: FigureDimension; exact: boolean; values: string[] }>();
  for (const text of texts) {
    const [, name = '', equals = '', value = ''] = /^([a-z-]+)(==?)(.*)$/s.exec(text) ?? [];
    if (!isDimension(name)) {
      wrong.push(`'${text}' names no dimension (${figureDimensions.join(', ')})`);
      continue;
    }
    const closed = closedLists[name];
    if (closed?.includes(value) === false) wrong.push(`'${value}' is no ${name} (${closed.join(', ')})`);
    const exact = equals === '==';
    const key = `${name} ${exact}`;
    const filter = byDimension.get(key) ?? { dimension: name, exact, values: [] };
    filter.values.push(value);
    byDimension.set(key, filter);
  }
  if (wrong.length > 0) throw new Failure('admin_invalid', `The filter is wrong: ${wrong.join('; ')}.`);
  return [...byDimension.values()].map(({ dimension, exact, values }) =>
    exact ? { dimension, values, exact } : { dimension, values },
  );
}
