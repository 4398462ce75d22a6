import type { Series, StoredRecord } from '#accounting/ledger/ports.ts';
import { isJsonObject, parseJson } from '#kernel/json.ts';
import type { RecordColumns, SeriesColumns } from './ledger-schema.ts';
import { isWord, measuredKinds, operations, outcomes, pricings, type Words } from '#model/words.ts';

/** A record with its series; amounts of money are selected as text. */
export type RecordRow = Omit<RecordColumns, 'series' | 'reserved_nano' | 'cost_nano' | 'qualifies' | 'counts'> &
  SeriesColumns & { reserved_nano: string | null; cost_nano: string | null };

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

function toolCalls(text: string | null): Record<string, number> {
  const value = text === null ? {} : parseJson(text);
  if (!isJsonObject(value)) return unlike('tool_calls');
  return Object.fromEntries(
    Object.entries(value).map(([tool, calls]) => [tool, typeof calls === 'number' ? calls : unlike('tool_calls')]),
  );
}

function seriesOf(row: RecordRow): Series {
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
    operation: word(operations, row.operation),
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
      toolCalls: toolCalls(row.tool_calls),
    },
    pricing: word(pricings, row.pricing),
    costNano: bigintOrNull(row.cost_nano),
    unpriced: reasons(row.unpriced),
    detail: row.detail,
  };
}
