import { internalLine, rateAt, ratesFor } from '#accounting/cost/internal-rates.ts';
import { roundedDivision } from '#accounting/cost/rounding.ts';
import type { FigureChange, Posting, Series } from '#accounting/ledger/ports.ts';
import { lineStanding, paidByTheHour, type CostLine, type LedgerLine } from '#model/money.ts';
import { addChange, noChange } from './postings.ts';
import type { HourBasis, HourPart } from './ptu-basis.ts';
import { sharesOf, type HourUse, type Payer } from './ptu-shares.ts';
import { shareOut } from './share-out.ts';

const secondsOfHour = 3600n;

/** What a part of an hour costs at this price, to 10^-9 USD: Azure charges part of an hour by the minute. */
function costAt({ units, seconds }: HourPart, nanoUsdPerUnitHour: string): bigint {
  return roundedDivision(BigInt(units) * BigInt(seconds) * BigInt(nanoUsdPerUnitHour), secondsOfHour);
}

/** What the hour costs. */
export function costOfHour({ parts }: HourBasis): bigint {
  return parts.reduce((sum, part) => sum + costAt(part, part.nanoUsdPerUnitHour), 0n);
}

/** A cell of the bill that gathers what each part of the hour adds to it. */
interface Cell {
  readonly series: Series;
  readonly outcome: 'allocated' | 'idle';
  change: FigureChange;
  readonly lines: LedgerLine[];
}

function* withStanding(paid: CostLine, list: CostLine | null, internal: CostLine | null): Generator<LedgerLine> {
  const standing = lineStanding.layer | (internal === null ? 0 : lineStanding.inside);
  yield { ...paid, standing: lineStanding.cost | standing };
  for (const line of [list, internal]) if (line !== null) yield { ...line, standing };
}

class Cells {
  readonly #cells = new Map<string, Cell>();
  readonly #basis: HourBasis;

  constructor(basis: HourBasis) {
    this.#basis = basis;
  }

  /** `list`: the same at list prices; null where they are not known. */
  add(payer: Pick<Payer, 'caller' | 'operation'> | undefined, paid: CostLine, list: CostLine | null): void {
    if (paid.units === 0 && paid.nanoUsd === 0n && (list?.nanoUsd ?? 0n) === 0n) return;
    const cell = this.#cellOf(payer);
    const internal = this.#internal(cell.series.caller.product, paid);
    cell.change = addChange(cell.change, {
      ...noChange,
      cost: paid.nanoUsd,
      listCost: list?.nanoUsd ?? 0n,
      internalCost: internal?.nanoUsd ?? 0n,
    });
    cell.lines.push(...withStanding(paid, list, internal));
  }

  postings(): readonly Posting[] {
    return [...this.#cells.values()];
  }

  #cellOf(payer: Pick<Payer, 'caller' | 'operation'> | undefined): Cell {
    const { caller, operation } = payer ?? this.#nobody();
    const outcome = payer === undefined ? 'idle' : 'allocated';
    const key = JSON.stringify([caller, operation, outcome]);
    let cell = this.#cells.get(key);
    if (cell === undefined) {
      const { servedBy } = this.#basis;
      const series = {
        caller,
        servedBy,
        operation,
        stream: false,
        requestedModel: servedBy.model,
        priceBook: paidByTheHour,
      };
      cell = { series, outcome, change: noChange, lines: [] };
      this.#cells.set(key, cell);
    }
    return cell;
  }

  /** With the margin in force for whoever pays, on what it pays. */
  #internal(product: string, paid: CostLine): CostLine | null {
    const { margins, servedBy, hour } = this.#basis;
    const rates = margins.map(({ millionths, ...rate }) => ({ ...rate, margin: BigInt(millionths) }));
    const rate = rateAt(ratesFor(rates, { product, model: servedBy.model }), Date.parse(hour));
    return rate === undefined ? null : internalLine(rate, paid);
  }

  #nobody(): Pick<Payer, 'caller' | 'operation'> {
    const caller = { subscription: '', product: '', consumer: '', costCentrePath: this.#basis.idleCostCentre };
    return { caller, operation: 'none' };
  }
}

type Amounts = readonly bigint[];

/** What is shared out of a part of an hour: PTU-seconds, what is paid, and what it would be at list prices. */
function wholesOf(part: HourPart): Amounts {
  const list = part.list === null ? 0n : costAt(part, part.list.nanoUsdPerUnitHour);
  return [BigInt(part.units) * BigInt(part.seconds), costAt(part, part.nanoUsdPerUnitHour), list];
}

function linesOf(part: HourPart, [seconds = 0n, paid = 0n, list = 0n]: Amounts): readonly [CostLine, CostLine | null] {
  const line = { meter: paidByTheHour, units: Number(seconds) };
  return [
    { ...line, layer: 'contracted', priceId: part.priceId, nanoUsd: paid },
    part.list === null ? null : { ...line, layer: 'list', priceId: part.list.priceId, nanoUsd: list },
  ];
}

const shareAll = (wholes: Amounts, weights: Amounts): readonly Amounts[] => {
  const shared = wholes.map((whole) => shareOut(whole, weights));
  return weights.map((_one, at) => shared.map((shares) => shares[at] ?? 0n));
};

/** Who pays what of the hour. The postings add up to its cost and to its PTU-seconds, both exactly. */
export function hourPostings(basis: HourBasis, uses: readonly HourUse[]): readonly Posting[] {
  const cells = new Cells(basis);
  for (const part of basis.parts) {
    const { groups, idle } = sharesOf(basis, uses, part);
    const shares = shareAll(wholesOf(part), [...groups.map((one) => one.weight), idle]);
    groups.forEach(({ payers }, at) => {
      const own = shareAll(
        shares[at] ?? [],
        payers.map((one) => one.weight),
      );
      payers.forEach((payer, index) => cells.add(payer, ...linesOf(part, own[index] ?? [])));
    });
    cells.add(undefined, ...linesOf(part, shares.at(-1) ?? []));
  }
  return cells.postings();
}
