import type { RerateRow } from '@tollgate/contract/admin-api/adjustments.ts';
import type { LedgerLine } from '#model/money.ts';
import type { Rerated } from './rerate.ts';

interface Sum {
  readonly prices: Set<string>;
  units: number;
  nanoUsd: bigint;
}

const emptySum = (): Sum => ({ prices: new Set(), units: 0, nanoUsd: 0n });

/** A meter without a price has a line with an empty price id. */
function addLine(sum: Sum, line: LedgerLine): void {
  if (line.priceId !== '') sum.prices.add(line.priceId);
  sum.units += line.units;
  sum.nanoUsd += line.nanoUsd;
}

const priceOf = ({ prices }: Sum): string | null => (prices.size === 0 ? null : [...prices].toSorted().join(', '));

interface Row {
  readonly key: Pick<RerateRow, 'model' | 'deploymentType' | 'layer' | 'meter' | 'priceBefore' | 'priceAfter'>;
  records: number;
  readonly before: Sum;
  readonly after: Sum;
}

/** What changed, by the prices before and after. */
export class RerateRows {
  readonly #rows = new Map<string, Row>();

  add({ record, before, after }: Rerated): void {
    const meters = new Map<string, { readonly line: LedgerLine; readonly before: Sum; readonly after: Sum }>();
    const sumsOf = (line: LedgerLine) => {
      const key = `${line.layer} ${line.meter}`;
      const sums = meters.get(key) ?? { line, before: emptySum(), after: emptySum() };
      meters.set(key, sums);
      return sums;
    };
    for (const line of before.lines) addLine(sumsOf(line).before, line);
    for (const line of after.lines) addLine(sumsOf(line).after, line);
    const { model, deploymentType } = record.series.servedBy;
    for (const sums of meters.values()) {
      const [priceBefore, priceAfter] = [priceOf(sums.before), priceOf(sums.after)];
      const isSame = sums.before.nanoUsd === sums.after.nanoUsd && sums.before.units === sums.after.units;
      if (isSame && (priceBefore === null) === (priceAfter === null)) continue;
      const { layer, meter } = sums.line;
      this.#addSums({ model, deploymentType, layer, meter, priceBefore, priceAfter }, sums);
    }
  }

  rows(): RerateRow[] {
    return [...this.#rows.values()].map(({ key, records, before, after }) => ({
      ...key,
      records,
      unitsBefore: before.units,
      unitsAfter: after.units,
      nanoUsdBefore: String(before.nanoUsd),
      nanoUsdAfter: String(after.nanoUsd),
    }));
  }

  #addSums(key: Row['key'], { before, after }: { readonly before: Sum; readonly after: Sum }): void {
    const name = JSON.stringify(key);
    const row = this.#rows.get(name) ?? { key, records: 0, before: emptySum(), after: emptySum() };
    this.#rows.set(name, row);
    row.records += 1;
    row.before.units += before.units;
    row.before.nanoUsd += before.nanoUsd;
    row.after.units += after.units;
    row.after.nanoUsd += after.nanoUsd;
  }
}
