import { isJsonObject, parseJson, type Json } from '#kernel/json.ts';
import type { CostLine } from '#model/money.ts';
import type { UsageRecord } from '#model/usage-record.ts';
import type { RecordColumns, SeriesColumns } from './ledger-schema.ts';

/** A record with its series; amounts of money are selected as text. */
export type RecordRow = Omit<RecordColumns, 'series' | 'reserved_nano' | 'cost_nano' | 'qualifies' | 'counts'> &
  SeriesColumns & { reserved_nano: string | null; cost_nano: string | null };

/** JSON of a record's cost lines, by hand: this runs for every record. */
export function costLinesJson(lines: readonly CostLine[]): string {
  let text = '';
  for (const line of lines)
    text +=
      `${text === '' ? '' : ','}{"layer":"${line.layer}","meter":${JSON.stringify(line.meter)},"units":${line.units}` +
      `,"priceId":${JSON.stringify(line.priceId)},"nanoUsd":"${line.nanoUsd}"}`;
  return `[${text}]`;
}

const bigintOrNull = (text: string | null): bigint | null => (text === null ? null : BigInt(text));

function unlike(column: string): never {
  throw new TypeError(`The store's column '${column}' holds something that was never written to it.`);
}

// The words of a closed list, as the type of the record has them; anything else in the file is an error.
const wordTables = {
  outcome: {
    completed: true,
    'client-left': true,
    'upstream-broke': true,
    'timed-out': true,
    'filtered-prompt': true,
    'filtered-completion': true,
    'refused-by-upstream': true,
    'hedge-lost': true,
    'gateway-lost': true,
  } satisfies Record<UsageRecord['outcome'], true>,
  measured: {
    reported: true,
    delivered: true,
    tokenized: true,
    estimated: true,
    none: true,
    unknown: true,
  } satisfies Record<UsageRecord['measuredInput'], true>,
  operation: {
    'chat.completions': true,
    completions: true,
    embeddings: true,
    responses: true,
    'models.list': true,
    'models.retrieve': true,
  } satisfies Record<UsageRecord['operation'], true>,
  layer: { list: true, contracted: true, internal: true } satisfies Record<CostLine['layer'], true>,
  pricing: { token: true, ptu: true } satisfies Record<UsageRecord['cost']['pricing'], true>,
};

function isWord<Word extends string>(words: Record<Word, true>, value: unknown): value is Word {
  return typeof value === 'string' && Object.hasOwn(words, value);
}

function word<Name extends keyof typeof wordTables>(
  table: Name,
  value: unknown,
): Extract<keyof (typeof wordTables)[Name], string> {
  const words: Record<string, true> = wordTables[table];
  return isWord<Extract<keyof (typeof wordTables)[Name], string>>(words, value) ? value : unlike(table);
}

function costLine(value: Json): CostLine {
  if (!isJsonObject(value)) return unlike('cost_lines');
  const { meter, units, priceId, nanoUsd } = value;
  if (typeof meter !== 'string' || typeof units !== 'number') return unlike('cost_lines');
  if (typeof priceId !== 'string' || typeof nanoUsd !== 'string') return unlike('cost_lines');
  return { layer: word('layer', value['layer']), meter, units, priceId, nanoUsd: BigInt(nanoUsd) };
}

function list<Item>(text: string | null, column: string, item: (value: Json) => Item): readonly Item[] {
  const value = text === null ? [] : parseJson(text);
  return Array.isArray(value) ? value.map(item) : unlike(column);
}

function toolCalls(text: string | null): Record<string, number> {
  const value = text === null ? {} : parseJson(text);
  if (!isJsonObject(value)) return unlike('tool_calls');
  return Object.fromEntries(
    Object.entries(value).map(([tool, calls]) => [tool, typeof calls === 'number' ? calls : unlike('tool_calls')]),
  );
}

export function recordOf(row: RecordRow): UsageRecord {
  return {
    id: row.id,
    requestId: row.request_id,
    attempt: row.attempt,
    at: row.at,
    caller: {
      subscription: row.subscription,
      product: row.product,
      consumer: row.consumer,
      costCentrePath: row.cost_centre,
      endUser: row.end_user,
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
    operation: word('operation', row.operation),
    stream: row.stream === 1,
    requestedModel: row.requested_model,
    reservedNano: bigintOrNull(row.reserved_nano),
    priceBook: row.price_book,
    finishedAt: row.finished_at,
    outcome: word('outcome', row.outcome),
    httpStatus: row.http_status,
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
    measuredInput: word('measured', row.measured_input),
    measuredOutput: word('measured', row.measured_output),
    serviceTier: row.service_tier,
    reportedModel: row.reported_model,
    spilledFrom: row.spilled_from,
    upstreamRequestId: row.upstream_request_id,
    timing: {
      queueMs: row.queue_ms,
      firstByteMs: row.first_byte_ms,
      upstreamMs: row.upstream_ms,
      totalMs: row.total_ms,
    },
    cost: {
      pricing: word('pricing', row.pricing),
      lines: list(row.cost_lines, 'cost_lines', costLine),
      nanoUsd: bigintOrNull(row.cost_nano),
      unpriced: list(row.unpriced, 'unpriced', (one) => (typeof one === 'string' ? one : unlike('unpriced'))),
    },
  };
}
