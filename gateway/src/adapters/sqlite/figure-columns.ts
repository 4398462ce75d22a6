import { measures, requestBits, type Measure } from '#accounting/ledger/ports.ts';

const carried = (bit: number): string => `(counts & ${bit} <> 0)`;

/**
 * What one usage record adds to each measure. Sums over them are what roll-ups hold: their columns have the measures'
 * names in snake case.
 */
const ofRecord: Readonly<Record<Measure, string>> = {
  requests: carried(requestBits.request),
  attempts: '1',
  unpricedRequests: carried(requestBits.unpriced),
  unknownUsageRequests: carried(requestBits.unknownUsage),
  deliveredOnlyRequests: carried(requestBits.deliveredOnly),
  estimatedRequests: carried(requestBits.estimated),
  input: 'ifnull(input, 0)',
  cachedInput: 'ifnull(cached_input, 0)',
  cacheWriteInput: 'ifnull(cache_write_input, 0)',
  audioInput: 'ifnull(audio_input, 0)',
  imageInput: 'ifnull(image_input, 0)',
  output: 'ifnull(output, 0)',
  reasoning: 'ifnull(reasoning, 0)',
  audioOutput: 'ifnull(audio_output, 0)',
  seconds: 'ifnull(seconds, 0)',
  characters: 'ifnull(characters, 0)',
  images: 'image_count',
  toolCalls: 'tool_call_count',
  pricedAttempts: '(cost_nano is not null)',
  cost: 'ifnull(cost_nano, 0)',
  listPricedAttempts: '(list_nano is not null)',
  listCost: 'ifnull(list_nano, 0)',
  internalPricedAttempts: '(internal_nano is not null)',
  internalCost: 'ifnull(internal_nano, 0)',
  held: "iif('unknown' in (measured_input, measured_output), ifnull(reserved_nano, 0), 0)",
};

export const moneyMeasures = ['cost', 'listCost', 'internalCost', 'held'] as const satisfies readonly Measure[];
export type MoneyMeasure = (typeof moneyMeasures)[number];
export type CountMeasure = Exclude<Measure, MoneyMeasure>;

export function isMoney(measure: Measure): measure is MoneyMeasure {
  return moneyMeasures.some((one) => one === measure);
}

export const countMeasures = measures.filter((one): one is CountMeasure => !isMoney(one));

/** Sums are moved by adjustments in these measures only. */
export const adjustedMeasures = [
  'cost',
  'listCost',
  'internalCost',
  'held',
  'pricedAttempts',
  'listPricedAttempts',
  'internalPricedAttempts',
] as const satisfies readonly Measure[];

/** `cachedInput` -> `cached_input` */
export function columnOf(measure: Measure): string {
  return measure.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** What each kind of row adds to a measure. */
export type RowKind = 'record' | 'posting' | 'rollUp';

export function amountOf(kind: RowKind, measure: Measure): string {
  if (kind === 'record') return ofRecord[measure];
  if (kind === 'rollUp') return columnOf(measure);
  return adjustedMeasures.some((one) => one === measure) ? columnOf(measure) : '0';
}
