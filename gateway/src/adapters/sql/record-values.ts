import type { StoredRecord } from '#accounting/ledger/ports.ts';
import type { CountedRecord } from './roll-up-sums.ts';

function sumOf(counts: Readonly<Record<string, number>>): number {
  let sum = 0;
  for (const name in counts) sum += counts[name] ?? 0;
  return sum;
}

/** Null for nothing: nearly every record has no tool calls and no images. */
function textOf(counts: Readonly<Record<string, number>>): string | null {
  return Object.keys(counts).length === 0 ? null : JSON.stringify(counts);
}

/** A record as roll-ups count it. */
export function countedRecord(record: StoredRecord, counts: number): CountedRecord {
  const { toolCalls, images } = record.units;
  return { record, counts, toolCalls: sumOf(toolCalls), images: sumOf(images) };
}

export interface RecordKeys {
  readonly qualifies: number;
  readonly series: number;
  readonly journal: number;
}

/** What stands in the columns of a record, in the order of `recordColumns`. */
export function recordValues(
  { record, counts, toolCalls, images }: CountedRecord,
  keys: RecordKeys,
): (string | number | bigint | null)[] {
  const { units } = record;
  return [
    record.at,
    record.id,
    record.requestId,
    record.attempt,
    keys.series,
    record.endUser,
    record.reservedNano,
    record.outcome,
    record.measuredInput,
    record.measuredOutput,
    units.input,
    units.cachedInput,
    units.cacheWriteInput,
    units.audioInput,
    units.imageInput,
    units.output,
    units.reasoning,
    units.audioOutput,
    units.seconds,
    units.characters,
    textOf(units.toolCalls),
    toolCalls,
    textOf(units.images),
    images,
    record.pricing,
    record.costNano,
    record.listNano,
    record.internalNano,
    record.unpriced.length === 0 ? null : JSON.stringify(record.unpriced),
    record.lines,
    record.detail,
    keys.qualifies,
    counts,
    keys.journal,
  ];
}
