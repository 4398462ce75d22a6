import type { PriceLayer, UsageFigures, UsageReport } from '@tollgate/contract/usage.ts';
import { grouped, groupedDecimal } from '#output/money.ts';
import type { Column } from '#output/table.ts';

/** A row of the report, what is left of it, or its total. */
export interface Line extends UsageFigures {
  /** In the order of `by`; a total and a rest have fewer. */
  readonly names: readonly string[];
  /** What stands in the place of a bucket. */
  readonly title?: string;
  readonly bucket: UsageReport['rows'][number]['bucket'];
}

type Units =
  | 'inputTokens'
  | 'cachedInputTokens'
  | 'cacheWriteInputTokens'
  | 'audioInputTokens'
  | 'imageInputTokens'
  | 'outputTokens'
  | 'reasoningTokens'
  | 'audioOutputTokens'
  | 'seconds'
  | 'characters'
  | 'images'
  | 'toolCalls';

const right = 'right';
const outputUnits: readonly Units[] = ['outputTokens', 'reasoningTokens', 'audioOutputTokens'];

/**
 * Units that nobody told us are not 0: `unknown`, or `≥` the part that is known. `~` has an estimate in it, which may be
 * too high as well as too low.
 */
function units(line: Line, name: Units): string {
  const known = line[name];
  if (known === null) return 'unknown';
  // What was delivered bounds the output only: the input was sent whole.
  const isLowerBound = line.unknownUsageAttempts > 0 || (outputUnits.includes(name) && line.deliveredOnlyRequests > 0);
  if (isLowerBound) return `≥ ${grouped(known)}`;
  return name === 'inputTokens' && line.estimatedRequests > 0 ? `~ ${grouped(known)}` : grouped(known);
}

const layers = {
  contracted: { cost: 'costNanoUsd', priced: 'pricedAttempts' },
  list: { cost: 'listCostNanoUsd', priced: 'listPricedAttempts' },
  internal: { cost: 'internalCostNanoUsd', priced: 'internalPricedAttempts' },
} as const satisfies Record<PriceLayer, { readonly cost: keyof UsageFigures; readonly priced: keyof UsageFigures }>;

/** What is missing in the cost of a layer, in words. */
function missing(line: Line, layer: PriceLayer): string {
  const isUnpriced =
    layer === 'contracted'
      ? line.unpricedRequests > 0
      : line.attempts - line[layers[layer].priced] > line.unknownUsageAttempts;
  return [isUnpriced ? 'unpriced' : '', line.unknownUsageAttempts > 0 ? 'unknown' : '']
    .filter((word) => word !== '')
    .join(', ');
}

/** `text` is the known amount as it is shown; null: nothing is known. */
function cost(line: Line, layer: PriceLayer, known: { readonly nano: string | null; readonly text: string }): string {
  const open = missing(line, layer);
  if (known.nano === null) return open === '' ? '–' : open;
  // A known 0 beside something unknown would be read as: it cost nothing.
  if (open !== '' && BigInt(known.nano) === 0n) return open;
  if (open !== '') return `${known.text} + ${open}`;
  if (line.estimatedRequests > 0) return `~ ${known.text}`;
  return line.deliveredOnlyRequests > 0 ? `≥ ${known.text}` : known.text;
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
    `of unknown usage ${grouped(total.unknownUsageRequests)} ·\n` +
    `delivered-only (broken off: ≥ a lower bound) ${grouped(total.deliveredOnlyRequests)} · ` +
    `estimated (~) ${grouped(total.estimatedRequests)}\n`
  );
}

const unitTitles: readonly (readonly [title: string, name: Units, leaveOut: number])[] = [
  ['input', 'inputTokens', 1],
  ['cached', 'cachedInputTokens', 4],
  ['cache write', 'cacheWriteInputTokens', 7],
  ['audio in', 'audioInputTokens', 7],
  ['image in', 'imageInputTokens', 7],
  ['output', 'outputTokens', 1],
  ['reasoning', 'reasoningTokens', 5],
  ['audio out', 'audioOutputTokens', 7],
  ['seconds', 'seconds', 3],
  ['characters', 'characters', 3],
  ['images', 'images', 3],
  ['tool calls', 'toolCalls', 6],
];

const layerTitles = { contracted: 'cost', list: 'list cost', internal: 'internal cost' } as const;

type Shape = Pick<UsageReport, 'by' | 'bucketLength' | 'layer' | 'currency'>;

function names({ by, bucketLength }: Shape, called?: string): readonly Column<Line>[] {
  const buckets: readonly Column<Line>[] =
    bucketLength === null
      ? []
      : [
          {
            title: bucketLength,
            name: 'bucket',
            value: (line) => line.bucket?.label ?? null,
            text: (line) => line.bucket?.label ?? line.title ?? '',
          },
        ];
  return [
    ...buckets,
    ...by.map((dimension, at): Column<Line> => {
      const name = (line: Line): string | undefined => line.names[at];
      return {
        title: called ?? dimension,
        name: dimension,
        value: (line) => name(line) ?? null,
        text: (line) => (name(line) === '' ? '(none)' : (name(line) ?? '')),
      };
    }),
  ];
}

/** Decimals that the most precise amount of a column needs. */
const decimalsOf = (amounts: readonly (string | null)[]): number =>
  amounts.reduce((most, amount) => Math.max(most, amount?.split('.')[1]?.length ?? 0), 2);

/** USD of 10^-9 USD, exactly. */
function usd(nano: string): string {
  const sign = nano.startsWith('-') ? '-' : '';
  const digits = nano.replace('-', '').padStart(10, '0');
  const fraction = digits.slice(-9).replace(/0+$/, '');
  return `${sign}${digits.slice(0, -9)}${fraction === '' ? '' : `.${fraction}`}`;
}

function money({ layer, currency }: Shape, lines: readonly Line[]): readonly Column<Line>[] {
  const field = layers[layer].cost;
  const inUsd = (line: Line): string | null => (line[field] === null ? null : usd(line[field]));
  const column = (code: string, amountOf: (line: Line) => string | null): Column<Line> => {
    const decimals = decimalsOf(lines.map(amountOf));
    const known = (line: Line): string => groupedDecimal(amountOf(line) ?? '0', decimals);
    // What is missing stands once, at the amount that was asked for.
    const plain = (line: Line): string => (line[field] === null ? '–' : known(line));
    return {
      title: `${layerTitles[layer]} in ${code}`,
      name: code,
      align: right,
      value: amountOf,
      text: code === currency.code ? (line) => cost(line, layer, { nano: line[field], text: known(line) }) : plain,
    };
  };
  if (currency.code === 'USD') return [column('USD', inUsd)];
  return [column(currency.code, (line) => line.amount), column('USD', inUsd)];
}

const count = (title: string, name: 'requests' | 'attempts', leaveOut?: number): Column<Line> => ({
  title,
  name,
  align: right,
  ...(leaveOut === undefined ? {} : { leaveOut }),
  value: (line) => line[name],
  text: (line) => grouped(line[name]),
});

export interface TableShape extends Shape {
  /** What the first dimension is called instead of its own name. */
  readonly called?: string;
}

/** For people: what is not 0 everywhere, with marks in words. */
export function tableColumns(shape: TableShape, lines: readonly Line[]): readonly Column<Line>[] {
  const isRetried = lines.some((line) => line.attempts !== line.requests);
  return [
    ...names(shape, shape.called),
    count('requests', 'requests'),
    ...(isRetried ? [count('attempts', 'attempts', 6)] : []),
    ...unitTitles
      .filter(([, name]) => ['inputTokens', 'outputTokens'].includes(name) || lines.some((line) => line[name] !== 0))
      .map(([title, name, leaveOut]): Column<Line> => ({
        title,
        name,
        align: right,
        leaveOut,
        value: (line) => line[name],
        text: (line) => units(line, name),
      })),
    ...money(shape, lines),
    ...(lines.some((line) => marks(line) !== '') ? [{ title: 'marks', name: 'marks', value: marks, leaveOut: 2 }] : []),
  ];
}

const figures = [
  'requests',
  'attempts',
  ...unitTitles.map(([, name]) => name),
  'costNanoUsd',
  'pricedAttempts',
  'listCostNanoUsd',
  'listPricedAttempts',
  'internalCostNanoUsd',
  'internalPricedAttempts',
  'heldNanoUsd',
  'unpricedRequests',
  'unknownUsageRequests',
  'unknownUsageAttempts',
  'deliveredOnlyRequests',
  'estimatedRequests',
] as const satisfies readonly (keyof UsageFigures)[];

/** For machines: everything that the report has. */
export function csvColumns(shape: Shape): readonly Column<Line>[] {
  const edges: readonly Column<Line>[] =
    shape.bucketLength === null
      ? []
      : [
          { title: 'from', name: 'bucketFrom', value: (line) => line.bucket?.from ?? null },
          { title: 'to', name: 'bucketTo', value: (line) => line.bucket?.to ?? null },
        ];
  return [
    ...names(shape).slice(0, edges.length === 0 ? 0 : 1),
    ...edges,
    ...names(shape).slice(edges.length === 0 ? 0 : 1),
    ...figures.map((name): Column<Line> => ({ title: name, name, value: (line) => line[name] })),
    { title: 'amount', name: 'amount', value: (line) => line.amount },
    { title: 'currency', name: 'currency', value: () => shape.currency.code },
    { title: 'layer', name: 'layer', value: () => shape.layer },
  ];
}
