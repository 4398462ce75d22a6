import type { FigureChange, Posting } from '#accounting/ledger/ports.ts';
import type { LedgerLine } from '#model/money.ts';

export const noChange: FigureChange = {
  cost: 0n,
  listCost: 0n,
  internalCost: 0n,
  held: 0n,
  pricedAttempts: 0,
  listPricedAttempts: 0,
  internalPricedAttempts: 0,
};

export function addChange(one: FigureChange, other: FigureChange, sign: 1 | -1 = 1): FigureChange {
  const amount = (a: bigint, b: bigint): bigint => a + BigInt(sign) * b;
  return {
    cost: amount(one.cost, other.cost),
    listCost: amount(one.listCost, other.listCost),
    internalCost: amount(one.internalCost, other.internalCost),
    held: amount(one.held, other.held),
    pricedAttempts: one.pricedAttempts + sign * other.pricedAttempts,
    listPricedAttempts: one.listPricedAttempts + sign * other.listPricedAttempts,
    internalPricedAttempts: one.internalPricedAttempts + sign * other.internalPricedAttempts,
  };
}

function changesNothing(change: FigureChange): boolean {
  const { cost, listCost, internalCost, held, pricedAttempts, listPricedAttempts, internalPricedAttempts } = change;
  return (
    (cost | listCost | internalCost | held) === 0n &&
    (pricedAttempts | listPricedAttempts | internalPricedAttempts) === 0
  );
}

export function takenBack(lines: readonly LedgerLine[]): readonly LedgerLine[] {
  return lines.map((one) => ({ ...one, units: -one.units, nanoUsd: -one.nanoUsd }));
}

/** One line for all that name the same meter, price and standing; none where they come to nothing. */
export function netLines(lines: readonly LedgerLine[]): readonly LedgerLine[] {
  const sums = new Map<string, LedgerLine>();
  for (const line of lines) {
    const key = JSON.stringify([line.layer, line.meter, line.priceId, line.standing]);
    const sum = sums.get(key);
    sums.set(
      key,
      sum === undefined ? line : { ...sum, units: sum.units + line.units, nanoUsd: sum.nanoUsd + line.nanoUsd },
    );
  }
  return [...sums.values()].filter((one) => one.units !== 0 || one.nanoUsd !== 0n);
}

/** What has to be posted so that what was posted becomes what is wanted; nothing where it is that already. */
export function differenceOf(wanted: readonly Posting[], posted: readonly Posting[]): readonly Posting[] {
  const cells = new Map<string, Posting>();
  const add = (posting: Posting, sign: 1 | -1): void => {
    const { series, outcome } = posting;
    const key = JSON.stringify([series, outcome]);
    const cell = cells.get(key) ?? { series, outcome, change: noChange, lines: [] };
    const lines = sign === 1 ? posting.lines : takenBack(posting.lines);
    cells.set(key, {
      ...cell,
      change: addChange(cell.change, posting.change, sign),
      lines: [...cell.lines, ...lines],
    });
  };
  for (const posting of posted) add(posting, -1);
  for (const posting of wanted) add(posting, 1);
  return [...cells.values()]
    .map((one) => ({ ...one, lines: netLines(one.lines) }))
    .filter((one) => one.lines.length > 0 || !changesNothing(one.change));
}
