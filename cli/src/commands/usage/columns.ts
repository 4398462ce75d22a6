import type { UsageFigures, UsageRow } from '@tollgate/contract/usage.ts';
import { decimalsFor, grouped, usdFromNano } from '#output/money.ts';
import type { Column } from '#output/table.ts';

/** A row of the report, or its total. */
export type Line = UsageFigures & { readonly key: string };

const right = 'right';

type Units = 'inputTokens' | 'cachedInputTokens' | 'outputTokens' | 'reasoningTokens';

/**
 * Tokens that nobody told us are not 0: `unknown`, or `≥` the part that is known. `~` has an estimate in it, which may
 * be too high as well as too low.
 */
function tokens(line: Line, name: Units): string {
  const known = line[name];
  // What was delivered bounds the output only: the input was sent whole.
  const isLowerBound = line.unknownUsageRequests > 0 || (name === 'outputTokens' && line.deliveredOnlyRequests > 0);
  if (isLowerBound) return known === 0 ? 'unknown' : `≥ ${grouped(known)}`;
  return name === 'inputTokens' && line.estimatedRequests > 0 ? `~ ${grouped(known)}` : grouped(known);
}

function cost(line: Line, decimals: number): string {
  const open = [line.unpricedRequests > 0 ? 'unpriced' : '', line.unknownUsageRequests > 0 ? 'unknown' : ''].filter(
    (word) => word !== '',
  );
  if (line.costNanoUsd === null) return open.length === 0 ? '–' : open.join(', ');
  // A known 0 beside something unknown would be read as: it cost nothing.
  if (open.length > 0 && BigInt(line.costNanoUsd) === 0n) return open.join(', ');
  const known = usdFromNano(line.costNanoUsd, decimals);
  if (open.length > 0) return `${known} + ${open.join(', ')}`;
  if (line.estimatedRequests > 0) return `~ ${known}`;
  return line.deliveredOnlyRequests > 0 ? `≥ ${known}` : known;
}

/** Every mark that a figure of this line bears, in words: how many requests, and what is the matter with them. */
export function marks(line: UsageFigures): string {
  return [
    [line.unpricedRequests, 'unpriced'] as const,
    [line.unknownUsageRequests, 'usage unknown'] as const,
    [line.deliveredOnlyRequests, 'delivered-only'] as const,
    [line.estimatedRequests, 'estimated'] as const,
  ]
    .filter(([count]) => count > 0)
    .map(([count, what]) => `${grouped(count)} ${what}`)
    .join(', ');
}

/** The legend under a table: all four marks, also where they are 0. */
export function legend(total: UsageFigures): string {
  return (
    `Requests with an attempt that is: unpriced ${grouped(total.unpricedRequests)} · ` +
    `of unknown usage ${grouped(total.unknownUsageRequests)} · ` +
    `delivered-only (broken off: ≥ a lower bound) ${grouped(total.deliveredOnlyRequests)} · ` +
    `estimated (~) ${grouped(total.estimatedRequests)}\n`
  );
}

const count = (name: 'requests' | 'attempts'): Column<Line> => ({
  title: name,
  name,
  align: right,
  value: (line) => line[name],
  text: (line) => grouped(line[name]),
});

const units = (title: string, name: Units): Column<Line> => ({
  title,
  name,
  align: right,
  value: (line) => line[name],
  text: (line) => tokens(line, name),
});

type Mark = 'unpricedRequests' | 'unknownUsageRequests' | 'deliveredOnlyRequests' | 'estimatedRequests';

const mark = (name: Mark): Column<Line> => ({ title: name, name, value: (line) => line[name] });

/** The columns of a usage report whose first is called `key`. */
export function usageColumns(key: string, rows: readonly UsageRow[]): readonly Column<Line>[] {
  const decimals = decimalsFor(rows.map((row) => row.costNanoUsd));
  return [
    { title: key, name: 'key', value: (line) => line.key, text: (line) => (line.key === '' ? '(none)' : line.key) },
    count('requests'),
    count('attempts'),
    units('input', 'inputTokens'),
    units('cached', 'cachedInputTokens'),
    units('output', 'outputTokens'),
    units('reasoning', 'reasoningTokens'),
    {
      title: 'cost in USD',
      name: 'costNanoUsd',
      align: right,
      value: (line) => line.costNanoUsd,
      text: (line) => cost(line, decimals),
    },
    mark('unpricedRequests'),
    mark('unknownUsageRequests'),
    mark('deliveredOnlyRequests'),
    mark('estimatedRequests'),
  ];
}

/** For people, the four counts of marks are one column of words. */
export function tableColumns(columns: readonly Column<Line>[]): readonly Column<Line>[] {
  return [
    ...columns.filter((column) => !column.name.endsWith('Requests')),
    { title: 'marks', name: 'marks', value: marks },
  ];
}
