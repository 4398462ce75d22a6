import type { Adjustment, StoredRecord } from '#accounting/ledger/ports.ts';
import { parseJsonObject, type JsonObject } from '#kernel/json.ts';
import { deploymentTypes, type DeploymentType } from '#model/endpoint.ts';
import { isUsageUnknown } from '#model/held.ts';
import type { Cost, NanoUsd } from '#model/money.ts';
import type { PriceBook, PricedEndpoint } from '#model/price-book.ts';
import {
  changeBetween,
  linesBetween,
  saysTheSame,
  valuationAt,
  valuationInForce,
  type Valuation,
} from './valuation.ts';
import type { Said } from './write-off.ts';

/** A record that costs something else by the prices of now. */
export interface Rerated {
  readonly record: StoredRecord;
  readonly before: Valuation;
  readonly after: Valuation;
  readonly adjustment: Adjustment;
}

export interface RerateOptions {
  readonly book: Pick<PriceBook, 'id' | 'cost'>;
  readonly said: Said;
  /** UTC ms. */
  readonly now: number;
}

const isDeploymentType = (text: string): text is DeploymentType => deploymentTypes.some((one) => one === text);

function endpointOf({ id, series }: StoredRecord): PricedEndpoint {
  const { model, modelVersion, deploymentType, region } = series.servedBy;
  if (!isDeploymentType(deploymentType))
    throw new TypeError(`The attempt '${id}' names a deployment type that is none: '${deploymentType}'.`);
  return { model, modelVersion, deploymentType, region };
}

function detailOf({ id, detail }: StoredRecord): JsonObject {
  const parsed = parseJsonObject(detail);
  if (parsed === undefined) throw new TypeError(`The detail of '${id}' is no JSON object.`);
  return parsed;
}

function textOrNull(from: JsonObject, member: string): string | null {
  const value = from[member];
  return typeof value === 'string' ? value : null;
}

/**
 * What the record comes to by a price book; of the endpoint it knows what the record says. `spilledFrom`: as if it had
 * been spilled over from this deployment, whether it was or not.
 */
export function costBy(book: Pick<PriceBook, 'cost'>, record: StoredRecord, spilledFrom?: string): Cost {
  const detail = detailOf(record);
  return book.cost({
    endpoint: endpointOf(record),
    units: record.units,
    serviceTier: textOrNull(detail, 'serviceTier'),
    reportedModel: textOrNull(detail, 'reportedModel'),
    spilledFrom: spilledFrom ?? textOrNull(detail, 'spilledFrom'),
    product: record.series.caller.product,
    at: record.at,
  });
}

const text = (amount: NanoUsd | null): string | null => (amount === null ? null : String(amount));

const amountsOf = ({ cost, listCost, internalCost }: Valuation): object => ({
  cost: text(cost),
  listCost: text(listCost),
  internalCost: text(internalCost),
});

/**
 * Names the correction that follows so many others of a record. Two of them that were worked out from the same state of
 * the ledger, by whatever prices, have the same name: the store keeps one, and nothing is corrected twice.
 */
const correctionId = (record: StoredRecord, earlier: number): string => `correction/${record.id}/${earlier}`;

/**
 * The correction that makes a record cost what the price book says; undefined where it costs that already, as corrected
 * so far, and where its usage is not known. It counts where the record does.
 */
export function rerate(
  record: StoredRecord,
  adjustments: readonly Adjustment[],
  { book, said, now }: RerateOptions,
): Rerated | undefined {
  // That a batch was begun costs nothing by itself; what is held for it is given back when it has ended.
  if (isUsageUnknown(record) || record.series.operation === 'batches.create') return undefined;
  const corrections = adjustments.filter((one) => one.kind === 'correction');
  const before = valuationInForce(record, corrections);
  const isWrittenOff = adjustments.some((one) => one.kind === 'write-off');
  const anew = valuationAt(record, costBy(book, record));
  // What was written off is held no more, whatever the attempt costs.
  const after = isWrittenOff ? { ...anew, held: before.held } : anew;
  if (saysTheSame(before, after)) return undefined;
  const { at, id, series, outcome } = record;
  const latest = corrections.at(-1)?.bookedAt ?? -Infinity;
  const posting = { series, outcome, change: changeBetween(before, after), lines: linesBetween(before, after) };
  const adjustment: Adjustment = {
    id: correctionId(record, corrections.length),
    kind: 'correction',
    at,
    // Corrections are taken in the order of their booking, also where the clock has been set back.
    bookedAt: Math.max(now, latest + 1),
    of: { at, id },
    postings: [posting],
    qualifies: after.qualifies === before.qualifies ? null : after.qualifies,
    detail: JSON.stringify({
      ...said,
      requestId: record.requestId,
      priceBook: book.id,
      before: amountsOf(before),
      after: amountsOf(after),
    }),
  };
  return { record, before, after, adjustment };
}
