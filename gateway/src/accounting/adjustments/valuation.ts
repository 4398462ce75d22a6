import { qualifies } from '#accounting/ledger/request-counts.ts';
import type { Adjustment, FigureChange, StoredRecord } from '#accounting/ledger/ports.ts';
import { parseLedgerLines } from '#model/cost-lines.ts';
import { heldOf } from '#model/held.ts';
import { ledgerLines } from '#model/ledger-lines.ts';
import type { Cost, LedgerLine, NanoUsd } from '#model/money.ts';
import { addChange, netLines, takenBack } from './postings.ts';

/** What an attempt costs, on every layer; null: not known. */
export interface Valuation {
  readonly cost: NanoUsd | null;
  readonly listCost: NanoUsd | null;
  readonly internalCost: NanoUsd | null;
  /** What stays debited beside the cost, because not all of it is known; see `heldOf`. */
  readonly held: NanoUsd;
  readonly lines: readonly LedgerLine[];
  /** `requestBits` that the record qualifies for. */
  readonly qualifies: number;
}

const countOf = (amount: NanoUsd | null): number => (amount === null ? 0 : 1);
const less = (one: NanoUsd | null, other: NanoUsd | null): NanoUsd => (one ?? 0n) - (other ?? 0n);

/** An amount that was taken back leaves 0, with nothing behind it. */
const known = (amount: NanoUsd, count: number): NanoUsd | null => (count > 0 ? amount : null);

function linesOf(record: StoredRecord): readonly LedgerLine[] {
  const lines = parseLedgerLines(record.lines);
  if (lines === undefined) throw new TypeError(`The cost lines of '${record.id}' cannot be read.`);
  return lines;
}

/** What the record itself adds to the sums. */
function recordedSums(record: StoredRecord): FigureChange {
  const { costNano, listNano, internalNano } = record;
  return {
    held: heldOf(record),
    cost: costNano ?? 0n,
    listCost: listNano ?? 0n,
    internalCost: internalNano ?? 0n,
    pricedAttempts: countOf(costNano),
    listPricedAttempts: countOf(listNano),
    internalPricedAttempts: countOf(internalNano),
  };
}

/** What the ledger says of a record now: as it was recorded, and as each correction has changed it since. */
export function valuationInForce(record: StoredRecord, corrections: readonly Adjustment[]): Valuation {
  const postings = corrections.flatMap((one) => one.postings);
  const sums = postings.reduce((total, one) => addChange(total, one.change), recordedSums(record));
  return {
    cost: known(sums.cost, sums.pricedAttempts),
    listCost: known(sums.listCost, sums.listPricedAttempts),
    internalCost: known(sums.internalCost, sums.internalPricedAttempts),
    held: sums.held,
    lines: netLines([...linesOf(record), ...postings.flatMap((one) => one.lines)]),
    qualifies: corrections.reduce((bits, one) => one.qualifies ?? bits, qualifies(record)),
  };
}

/** What a record comes to at this cost. */
export function valuationAt(record: StoredRecord, cost: Cost): Valuation {
  const valued = {
    pricing: cost.pricing,
    costNano: cost.nanoUsd,
    listNano: cost.listNanoUsd,
    internalNano: cost.internalNanoUsd,
    unpriced: cost.unpriced,
    lines: cost.lines,
  };
  return {
    cost: cost.nanoUsd,
    listCost: cost.listNanoUsd,
    internalCost: cost.internalNanoUsd,
    held: heldOf({ ...record, costNano: cost.nanoUsd }),
    lines: netLines(ledgerLines(valued, record.units)),
    qualifies: qualifies({ ...record, costNano: cost.nanoUsd, unpriced: cost.unpriced }),
  };
}

/** What has to be added to the sums so that they say the one instead of the other. */
export function changeBetween(before: Valuation, after: Valuation): FigureChange {
  return {
    cost: less(after.cost, before.cost),
    listCost: less(after.listCost, before.listCost),
    internalCost: less(after.internalCost, before.internalCost),
    held: after.held - before.held,
    pricedAttempts: countOf(after.cost) - countOf(before.cost),
    listPricedAttempts: countOf(after.listCost) - countOf(before.listCost),
    internalPricedAttempts: countOf(after.internalCost) - countOf(before.internalCost),
  };
}

export function linesBetween(before: Valuation, after: Valuation): readonly LedgerLine[] {
  return netLines([...takenBack(before.lines), ...after.lines]);
}

/** Amounts and units by layer and meter: a price that merely goes by another id is no other price. */
function withoutPriceIds(lines: readonly LedgerLine[]): string {
  const merged = netLines(lines.map((one) => ({ ...one, priceId: '' })));
  return merged
    .map(({ layer, meter, standing, units, nanoUsd }) =>
      JSON.stringify([layer, meter, standing, units, String(nanoUsd)]),
    )
    .toSorted()
    .join('\n');
}

export function saysTheSame(one: Valuation, other: Valuation): boolean {
  return (
    one.cost === other.cost &&
    one.listCost === other.listCost &&
    one.internalCost === other.internalCost &&
    one.qualifies === other.qualifies &&
    withoutPriceIds(one.lines) === withoutPriceIds(other.lines)
  );
}
