import type { Series, StoredRecord } from '#accounting/ledger/ports.ts';
import { isJsonObject, parseJson } from '#kernel/json.ts';
import type { RecordColumns, SeriesColumns } from './ledger-schema.ts';
import { isWord, measuredKinds, outcomes, pricings, seriesOperations, type Words } from '#model/words.ts';

type MoneyColumn = 'reserved_nano' | 'cost_nano' | 'list_nano' | 'internal_nano';
/** A record with its series; amounts of money are selected as text. */
export type RecordRow = Omit<RecordColumns, 'series' | 'qualifies' | 'counts' | 'journal' | MoneyColumn> &
  SeriesColumns &
  Record<MoneyColumn, string | null>;

function unlike(column: string): never {
  throw new TypeError(`The store's column '${column}' holds something that was never written to it.`);
}

function word<Word extends string>(words: Words<Word>, value: string): Word {
  return isWord(words, value) ? value : unlike(Object.keys(words).join('|'));
}

const bigintOrNull = (text: string | null): bigint | null => (text === null ? null : BigInt(text));

function reasons(text: string | null): readonly string[] {
  const value = text === null ? [] : parseJson(text);
  if (!Array.isArray(value)) return unlike('unpriced');
  return value.map((one) => (typeof one === 'string' ? one : unlike('unpriced')));
}

/** Of `tool_calls` or `images`. */
function countsOf(text: string | null): Record<string, number> {
  const value = text === null ? {} : parseJson(text);
  if (!isJsonObject(value)) return unlike('tool_calls');
  return Object.fromEntries(
    Object.entries(value).map(([name, count]) => [name, typeof count === 'number' ? count : unlike('tool_calls')]),
  );
}

export function seriesOf(row: SeriesColumns): Series {
  return {
    caller: {
      subscription: row.subscription,
      product: row.product,
      consumer: row.consumer,
      costCentrePath: row.cost_centre,
    },
    servedBy: {
      endpoint: row.endpoint,
      resource: row.resource,
      region: row.region,
      deployment: row.deployment,
      deploymentType: row.deployment_type,
      model: row.model,
      modelVersion: row.model_version,
    },
    operation: word(seriesOperations, row.operation),
    stream: row.stream === 1,
    requestedModel: row.requested_model,
    priceBook: row.price_book,
  };
}

export function recordOf(row: RecordRow): StoredRecord {
  return {
    id: row.id,
    requestId: row.request_id,
    attempt: row.attempt,
    at: row.at,
    series: seriesOf(row),
    endUser: row.end_user,
    reservedNano: bigintOrNull(row.reserved_nano),
    outcome: word(outcomes, row.outcome),
    measuredInput: word(measuredKinds, row.measured_input),
    measuredOutput: word(measuredKinds, row.measured_output),
    units: {
      input: row.input,
      cachedInput: row.cached_input,
      cacheWriteInput: row.cache_write_input,
      audioInput: row.audio_input,
      imageInput: row.image_input,
      output: row.output,
      reasoning: row.reasoning,
      audioOutput: row.audio_output,
      seconds: row.seconds,
      characters: row.characters,
      toolCalls: countsOf(row.tool_calls),
      images: countsOf(row.images),
    },
    pricing: word(pricings, row.pricing),
    costNano: bigintOrNull(row.cost_nano),
    listNano: bigintOrNull(row.list_nano),
    internalNano: bigintOrNull(row.internal_nano),
    unpriced: reasons(row.unpriced),
    lines: row.lines,
    detail: row.detail,
  };
}
