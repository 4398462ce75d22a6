import { requestBits } from '#accounting/ledger/ports.ts';
import { measures, type Measure } from '#model/figures.ts';

const carried = (bit: number): string => `case when (counts & ${bit}) <> 0 then 1 else 0 end`;
const known = (column: string): string => `case when ${column} is null then 0 else 1 end`;

/** `heldOf` in SQL. */
const exactly = "('reported', 'tokenized', 'none')";
const heldColumn = `case
    when reserved_nano is null then 0
    when cost_nano is not null and measured_input in ${exactly} and measured_output in ${exactly} then 0
    when reserved_nano > coalesce(cost_nano, 0) then reserved_nano - coalesce(cost_nano, 0)
    else 0 end`;

/**
 * What one usage record adds to each measure, in words that every SQL store understands. Sums over them are what
 * roll-ups hold: their columns have the measures' names in snake case.
 */
const ofRecord: Readonly<Record<Measure, string>> = {
  requests: carried(requestBits.request),
  attempts: '1',
  unpricedRequests: carried(requestBits.unpriced),
  unknownUsageRequests: carried(requestBits.unknownUsage),
  deliveredOnlyRequests: carried(requestBits.deliveredOnly),
  estimatedRequests: carried(requestBits.estimated),
  unknownUsageAttempts: "case when 'unknown' in (measured_input, measured_output) then 1 else 0 end",
  input: 'coalesce(input, 0)',
  cachedInput: 'coalesce(cached_input, 0)',
  cacheWriteInput: 'coalesce(cache_write_input, 0)',
  audioInput: 'coalesce(audio_input, 0)',
  imageInput: 'coalesce(image_input, 0)',
  output: 'coalesce(output, 0)',
  reasoning: 'coalesce(reasoning, 0)',
  audioOutput: 'coalesce(audio_output, 0)',
  seconds: 'coalesce(seconds, 0)',
  characters: 'coalesce(characters, 0)',
  images: 'image_count',
  toolCalls: 'tool_call_count',
  pricedAttempts: known('cost_nano'),
  cost: 'coalesce(cost_nano, 0)',
  listPricedAttempts: known('list_nano'),
  listCost: 'coalesce(list_nano, 0)',
  internalPricedAttempts: known('internal_nano'),
  internalCost: 'coalesce(internal_nano, 0)',
  held: heldColumn,
};

export const moneyMeasures = ['cost', 'listCost', 'internalCost', 'held'] as const satisfies readonly Measure[];
export type MoneyMeasure = (typeof moneyMeasures)[number];
export type CountMeasure = Exclude<Measure, MoneyMeasure>;

export function isMoney(measure: Measure): measure is MoneyMeasure {
  return moneyMeasures.some((one) => one === measure);
}

export const countMeasures = measures.filter((one): one is CountMeasure => !isMoney(one));

/** Sums are moved by adjustments in these measures only. */
const adjustedMeasures = [
  'cost',
  'listCost',
  'internalCost',
  'held',
  'pricedAttempts',
  'listPricedAttempts',
  'internalPricedAttempts',
] as const satisfies readonly Measure[];

const snakeCase = (measure: Measure): string => measure.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Worked out once: a large report asks for them a million times. */
const columnNames: ReadonlyMap<Measure, string> = new Map(measures.map((one) => [one, snakeCase(one)]));

/** `cachedInput` -> `cached_input` */
export function columnOf(measure: Measure): string {
  return columnNames.get(measure) ?? snakeCase(measure);
}

/** What each kind of row adds to a measure. */
export type RowKind = 'record' | 'posting' | 'rollUp';

export function amountOf(kind: RowKind, measure: Measure): string {
  if (kind === 'record') return ofRecord[measure];
  if (kind === 'rollUp') return columnOf(measure);
  return adjustedMeasures.some((one) => one === measure) ? columnOf(measure) : '0';
}
