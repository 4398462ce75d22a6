import { EntryDecoder } from '../../src/accounting/ledger/decode-entry.ts';
import { settleText } from '../../src/accounting/ledger/encode-entry.ts';
import type { Adjustment, Posting, ShippedRecord, StoredRecord } from '../../src/accounting/ledger/ports.ts';
import { qualifies } from '../../src/accounting/ledger/request-counts.ts';
import type { OpenedAttempt, UsageRecord } from '../../src/model/usage-record.ts';

/** 2026-03-01T00:00:00Z */
export const march = Date.UTC(2026, 2, 1);

type Changes = Partial<Omit<UsageRecord, 'units' | 'caller' | 'servedBy' | 'cost'>> & {
  readonly units?: Partial<UsageRecord['units']>;
  readonly caller?: Partial<UsageRecord['caller']>;
  readonly servedBy?: Partial<UsageRecord['servedBy']>;
  readonly cost?: Partial<UsageRecord['cost']>;
};

const caller: UsageRecord['caller'] = {
  subscription: 'marketing-web',
  product: 'standard',
  consumer: 'marketing',
  costCentrePath: 'contoso/marketing',
  endUser: null,
};
const servedBy: UsageRecord['servedBy'] = {
  endpoint: 'weu',
  resource: 'contoso-weu',
  region: 'westeurope',
  deployment: 'gpt-5.4-mini',
  deploymentType: 'GlobalStandard',
  model: 'gpt-5.4-mini',
  modelVersion: '2026-03-05',
};

/** A record of an ordinary call, changed where the test says so. */
export function usageRecord(id: string, changes: Changes = {}): UsageRecord {
  return {
    requestId: `request-of-${id}`,
    attempt: 1,
    at: march,
    operation: 'chat.completions',
    stream: false,
    requestedModel: 'gpt-5.4-mini',
    reservedNano: null,
    priceBook: 'book-1',
    finishedAt: march + 1200,
    outcome: 'completed',
    httpStatus: 200,
    measuredInput: 'reported',
    measuredOutput: 'reported',
    serviceTier: 'default',
    reportedModel: 'gpt-5.4-mini-2026-03-05',
    spilledFrom: null,
    upstreamRequestId: 'b6c2a6f0-7d1c-4c4f-9d0e-0d6f1c2b3a4d',
    timing: { queueMs: 0.25, firstByteMs: 310.125, upstreamMs: 1180, totalMs: 1200.5 },
    ...changes,
    id,
    caller: changes.caller === undefined ? caller : { ...caller, ...changes.caller },
    servedBy: changes.servedBy === undefined ? servedBy : { ...servedBy, ...changes.servedBy },
    units: {
      input: 1000,
      cachedInput: 400,
      cacheWriteInput: 0,
      audioInput: 0,
      imageInput: 0,
      output: 50,
      reasoning: 10,
      audioOutput: 0,
      seconds: 0,
      characters: 0,
      toolCalls: {},
      images: {},
      ...changes.units,
    },
    cost: {
      pricing: 'token',
      lines: [
        { layer: 'list', meter: 'input', units: 600, priceId: 'p-input', nanoUsd: 150_000n },
        { layer: 'list', meter: 'cachedInput', units: 400, priceId: 'p-cached', nanoUsd: 10_000n },
        { layer: 'list', meter: 'output', units: 50, priceId: 'p-output', nanoUsd: 100_000n },
      ],
      nanoUsd: 260_000n,
      listNanoUsd: 260_000n,
      internalNanoUsd: null,
      unpriced: [],
      ...changes.cost,
    },
  };
}

/** What the journal was told of the record's attempt before it was sent. */
export function openedAttempt(record: UsageRecord): OpenedAttempt {
  const { id, requestId, attempt, at, operation, stream, requestedModel, reservedNano, priceBook } = record;
  return {
    id,
    requestId,
    attempt,
    at,
    caller: record.caller,
    servedBy: record.servedBy,
    operation,
    stream,
    requestedModel,
    reservedNano,
    priceBook,
  };
}

/** As the record comes out of the journal. */
export function storedRecord(record: UsageRecord): StoredRecord {
  const entry = new EntryDecoder().decode(settleText(record));
  if (entry.kind !== 'settle') throw new Error('A settle was decoded as something else.');
  return entry.record;
}

/** As the record goes into a store. */
export function shippedRecord(record: UsageRecord): { readonly kind: 'usage' } & ShippedRecord {
  const stored = storedRecord(record);
  return { kind: 'usage', record: stored, qualifies: qualifies(stored) };
}

/** A posting where the record counts, that changes what the test says. */
export function posting(record: UsageRecord, changes: Partial<Posting['change']> = {}): Posting {
  const { series, outcome } = storedRecord(record);
  return {
    series,
    outcome,
    change: {
      cost: 0n,
      listCost: 0n,
      internalCost: 0n,
      held: 0n,
      pricedAttempts: 0,
      listPricedAttempts: 0,
      internalPricedAttempts: 0,
      ...changes,
    },
    lines: [],
  };
}

/** A correction of the record, changed where the test says so. */
export function correction(record: UsageRecord, changes: Partial<Adjustment> = {}): Adjustment {
  return {
    id: `correction-of-${record.id}`,
    kind: 'correction',
    at: record.at,
    bookedAt: record.at + 5_000,
    of: { at: record.at, id: record.id },
    postings: [posting(record, { cost: 7n })],
    qualifies: null,
    detail: '{"why":"a test"}',
    ...changes,
  };
}
