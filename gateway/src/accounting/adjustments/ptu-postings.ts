import type { Posting, Series } from '#accounting/ledger/ports.ts';
import { roundedDivision } from '#accounting/cost/rounding.ts';
import { lineStanding, paidByTheHour, type LedgerLine } from '#model/money.ts';
import { noChange } from './postings.ts';
import type { HourBasis, HourPart } from './ptu-basis.ts';
import { sharesOf, type HourUse, type Payer } from './ptu-shares.ts';
import { shareOut } from './share-out.ts';

const secondsOfHour = 3600n;

/** What a part of an hour costs, to 10^-9 USD: Azure charges part of an hour by the minute. */
export function costOfPart({ units, seconds, nanoUsdPerUnitHour }: HourPart): bigint {
  return roundedDivision(BigInt(units) * BigInt(seconds) * BigInt(nanoUsdPerUnitHour), secondsOfHour);
}

export function costOfHour(basis: HourBasis): bigint {
  return basis.parts.reduce((sum, part) => sum + costOfPart(part), 0n);
}

/** A cell of the bill that gathers what each part of the hour adds to it. */
interface Cell {
  readonly series: Series;
  readonly outcome: 'allocated' | 'idle';
  cost: bigint;
  readonly lines: LedgerLine[];
}

class Cells {
  readonly #cells = new Map<string, Cell>();
  readonly #basis: HourBasis;

  constructor(basis: HourBasis) {
    this.#basis = basis;
  }

  add(payer: Pick<Payer, 'caller' | 'operation'> | undefined, line: LedgerLine): void {
    if (line.units === 0 && line.nanoUsd === 0n) return;
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
      cell = { series, outcome, cost: 0n, lines: [] };
      this.#cells.set(key, cell);
    }
    cell.cost += line.nanoUsd;
    cell.lines.push(line);
  }

  postings(): readonly Posting[] {
    return [...this.#cells.values()].map(({ series, outcome, cost, lines }) => ({
      series,
      outcome,
      change: { ...noChange, cost },
      lines,
    }));
  }

  #nobody(): Pick<Payer, 'caller' | 'operation'> {
    const caller = { subscription: '', product: '', consumer: '', costCentrePath: this.#basis.idleCostCentre };
    return { caller, operation: 'none' };
  }
}

function lineOf(part: HourPart, units: bigint, nanoUsd: bigint): LedgerLine {
  return {
    layer: 'contracted',
    meter: paidByTheHour,
    units: Number(units),
    priceId: part.priceId,
    nanoUsd,
    standing: lineStanding.cost | lineStanding.layer,
  };
}

/** Who pays what of the hour. The postings add up to its cost and to its PTU-seconds, both exactly. */
export function hourPostings(basis: HourBasis, uses: readonly HourUse[]): readonly Posting[] {
  const cells = new Cells(basis);
  for (const part of basis.parts) {
    const { groups, idle } = sharesOf(basis, uses, part);
    const whole = { seconds: BigInt(part.units) * BigInt(part.seconds), nano: costOfPart(part) };
    const weights = [...groups.map((one) => one.weight), idle];
    const [seconds, nano] = [shareOut(whole.seconds, weights), shareOut(whole.nano, weights)];
    groups.forEach(({ payers }, at) => {
      const own = payers.map((one) => one.weight);
      const ownSeconds = shareOut(seconds[at] ?? 0n, own);
      const ownNano = shareOut(nano[at] ?? 0n, own);
      payers.forEach((payer, index) => {
        cells.add(payer, lineOf(part, ownSeconds[index] ?? 0n, ownNano[index] ?? 0n));
      });
    });
    cells.add(undefined, lineOf(part, seconds.at(-1) ?? 0n, nano.at(-1) ?? 0n));
  }
  return cells.postings();
}
