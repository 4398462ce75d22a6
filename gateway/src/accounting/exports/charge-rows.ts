import { lineStanding, paidByTheHour, type PriceLayer } from '#model/money.ts';
import type { RollUpOutcome, Series } from '#accounting/ledger/ports.ts';
import { compareMeters } from './meters.ts';

/** What a charge has in common with others: a caller's calls to an endpoint under one price book. */
export interface ChargeSeries extends Omit<Series, 'stream' | 'requestedModel'> {}

/** Cost lines of the ledger, added up over a piece of a day. */
export interface ChargeLine {
  readonly series: ChargeSeries;
  readonly outcome: RollUpOutcome;
  readonly layer: PriceLayer;
  readonly meter: string;
  /** Empty: the meter has no price on this layer. */
  readonly priceId: string;
  /** Bits of `lineStanding`. */
  readonly standing: number;
  readonly units: bigint;
  readonly nanoUsd: bigint;
}

/** A price and what it comes to. */
export interface Priced {
  readonly priceId: string;
  readonly nanoUsd: bigint;
  /** Whether the amount is part of what the report adds up on this layer. */
  readonly counts: boolean;
}

/** One meter of a series: its units, and what they cost on each layer. Null: there is no price. */
export interface ChargeRow {
  readonly series: ChargeSeries;
  readonly outcome: RollUpOutcome;
  readonly meter: string;
  readonly units: bigint;
  readonly list: Priced | null;
  /** The contracted price, or the list price where there is none; null where the cost of the calls is not known. */
  readonly charged: Priced | null;
  readonly internal: Priced | null;
  /** A price is missing for some meter of these calls, so that what they cost is not known. */
  readonly unpriced: boolean;
  /** What these calls are charged inside is known, by internal rates for each of their meters. */
  readonly inside: boolean;
}

/**
 * What the consumer is charged, 10^-9 USD: at internal rates where the calls have one for each of their meters, else at
 * cost. Null: not known.
 */
export function chargedInside({ charged, internal, inside }: ChargeRow): bigint | null {
  if (inside) return internal?.nanoUsd ?? 0n;
  return charged?.counts === true ? charged.nanoUsd : null;
}

/** The identity of a series and outcome, as a text that sorts. */
function placeKey({ series, outcome }: Pick<ChargeLine, 'series' | 'outcome'>): string {
  const { caller, servedBy } = series;
  return JSON.stringify([
    caller.costCentrePath,
    caller.consumer,
    servedBy.model,
    servedBy.resource,
    servedBy.deployment,
    outcome,
    caller.product,
    caller.subscription,
    series.operation,
    servedBy.endpoint,
    servedBy.deploymentType,
    servedBy.region,
    servedBy.modelVersion,
    series.priceBook,
  ]);
}

/** Lines added up, whatever they were streamed or asked for as; what comes to nothing is left out. */
function mergeLines(lines: readonly ChargeLine[]): readonly ChargeLine[] {
  const merged = new Map<string, { line: ChargeLine; units: bigint; nanoUsd: bigint }>();
  for (const line of lines) {
    const { layer, meter, priceId, standing } = line;
    const key = `${layer} ${standing} ${JSON.stringify([meter, priceId])}`;
    const found = merged.get(key);
    if (found === undefined) merged.set(key, { line, units: line.units, nanoUsd: line.nanoUsd });
    else {
      found.units += line.units;
      found.nanoUsd += line.nanoUsd;
    }
  }
  return [...merged.values()]
    .filter(({ units, nanoUsd }) => units !== 0n || nanoUsd !== 0n)
    .map(({ line, units, nanoUsd }) => ({ ...line, units, nanoUsd }));
}

/**
 * Puts the lines of the three layers side by side: a row for each meter and each set of prices. The ledger adds lines up
 * per price, so where several list prices meet several contracted ones, which of them met in which call is not known;
 * they are then joined in the order of their ids. Sums per layer and per price are kept to the nano-USD whatever meets.
 */
export function chargeRows(lines: Iterable<ChargeLine>): readonly ChargeRow[] {
  const places = [...Map.groupBy(lines, placeKey)].toSorted(([one], [other]) => (one < other ? -1 : 1));
  return places.flatMap(([, own]) => rowsOfPlace(own));
}

const apart = lineStanding.unpriced | lineStanding.inside;

/** Lines of one series and outcome. */
function rowsOfPlace(lines: readonly ChargeLine[]): readonly ChargeRow[] {
  const meters = Map.groupBy(mergeLines(lines), (line) => line.meter);
  const rows: ChargeRow[] = [];
  for (const meter of [...meters.keys()].toSorted(compareMeters)) {
    // What is not known, what is charged otherwise and what is taken back is not mixed with what is not.
    const parts = Map.groupBy(
      meters.get(meter) ?? [],
      (line) => `${line.standing & apart} ${line.units < 0n || (line.units === 0n && line.nanoUsd < 0n)}`,
    );
    rows.push(...[...parts.values()].flatMap(rowsOf).toSorted(compareAmounts));
  }
  return rows;
}

function compareAmounts(one: ChargeRow, other: ChargeRow): number {
  const [a, b] = [amountsKey(one), amountsKey(other)];
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** What else a row says: no two rows of a meter share it, unless they are alike. */
function amountsKey({ list, charged, internal, unpriced, inside, units }: ChargeRow): string {
  const prices = [list, charged, internal];
  const ids = prices.map((one) => one?.priceId ?? '');
  const amounts = prices.map((one) => `${one?.nanoUsd} ${one?.counts}`);
  return JSON.stringify([...ids, unpriced, inside, String(units), ...amounts]);
}

/** Units and an amount, given out in parts that add up to the whole. */
class Purse {
  readonly line: ChargeLine;
  units: bigint;
  #nanoUsd: bigint;

  constructor(line: ChargeLine) {
    this.line = line;
    this.units = line.units;
    this.#nanoUsd = line.nanoUsd;
  }

  /** A share of the amount as large as that of the units; the last part takes what is left. */
  take(units: bigint): bigint {
    const share = units === this.units ? this.#nanoUsd : (this.#nanoUsd * units) / this.units;
    this.units -= units;
    this.#nanoUsd -= share;
    return share;
  }
}

const isList = (line: ChargeLine): boolean => line.layer === 'list';
const isCharged = (line: ChargeLine): boolean => (line.standing & lineStanding.cost) !== 0;

/** The lines of one meter in an order that does not depend on the one in which a store tells them. */
function compareLines(one: ChargeLine, other: ChargeLine): number {
  if (one.priceId !== other.priceId) return one.priceId < other.priceId ? -1 : 1;
  return one.standing - other.standing;
}

/** Lines of one meter, of which either all are priced or none is, and which all have the same sign. */
function rowsOf(lines: readonly ChargeLine[]): readonly ChargeRow[] {
  const sorted = lines.toSorted(compareLines);
  const alone = sorted.filter((line) => isList(line) && isCharged(line));
  const beside = sorted.filter((line) => isList(line) && !isCharged(line));
  const contracted = sorted.filter((line) => line.layer === 'contracted');
  const internal = sorted.filter((line) => line.layer === 'internal');
  // What a provisioned deployment served is charged by its hours, inside too.
  const [paid, priced] = [true, false].map((byTheHour) =>
    alone
      .filter((line) => (line.priceId === paidByTheHour) === byTheHour)
      .map((line) => rowOf(line, pricedOf(line, line.nanoUsd), chargedOf(line, line.nanoUsd))),
  );
  return [...(paid ?? []), ...withInternal([...(priced ?? []), ...joined(beside, contracted)], internal)];
}

interface Joined {
  readonly first: ChargeLine | undefined;
  readonly second: ChargeLine | undefined;
  readonly units: bigint;
  readonly firstNano: bigint;
  readonly secondNano: bigint;
}

/** Two ways in which the same units were priced, cut so that each piece has one of each. */
function zip(one: readonly ChargeLine[], other: readonly ChargeLine[]): readonly Joined[] {
  const [ones, others] = [one.map((line) => new Purse(line)), other.map((line) => new Purse(line))];
  const pieces: Joined[] = [];
  while (ones.length > 0 || others.length > 0) {
    const [first, second] = [ones[0], others[0]];
    const units = smaller(first?.units, second?.units);
    pieces.push({ first: first?.line, second: second?.line, units, ...amountsOf(units, first, second) });
    if (first?.units === 0n) ones.shift();
    if (second?.units === 0n) others.shift();
  }
  return pieces;
}

function amountsOf(
  units: bigint,
  first: Purse | undefined,
  second: Purse | undefined,
): Pick<Joined, 'firstNano' | 'secondNano'> {
  return { firstNano: first?.take(units) ?? 0n, secondNano: second?.take(units) ?? 0n };
}

/** Nearer to zero; both have the same sign. */
function smaller(one: bigint | undefined, other: bigint | undefined): bigint {
  if (one === undefined || other === undefined) return one ?? other ?? 0n;
  const oneIsSmaller = one < 0n ? one > other : one < other;
  return oneIsSmaller ? one : other;
}

function joined(list: readonly ChargeLine[], contracted: readonly ChargeLine[]): readonly ChargeRow[] {
  return zip(list, contracted).flatMap(({ first, second, units, firstNano, secondNano }) => {
    const line = first ?? second;
    if (line === undefined) return [];
    const atList = first === undefined ? null : pricedOf(first, firstNano);
    const charged = second === undefined ? null : chargedOf(second, secondNano);
    return [rowOf({ ...line, units }, atList, charged)];
  });
}

function pricedOf(line: ChargeLine, nanoUsd: bigint): Priced | null {
  if (line.priceId === '') return null;
  return { priceId: line.priceId, nanoUsd, counts: (line.standing & lineStanding.layer) !== 0 };
}

/** What is charged; a line of calls whose cost is not known charges nothing. */
function chargedOf(line: ChargeLine, nanoUsd: bigint): Priced | null {
  return isCharged(line) ? { priceId: line.priceId, nanoUsd, counts: true } : null;
}

function rowOf(line: ChargeLine, list: Priced | null, charged: Priced | null): ChargeRow {
  const { series, outcome, meter, units, standing } = line;
  const [unpriced, inside] = [(standing & lineStanding.unpriced) !== 0, (standing & lineStanding.inside) !== 0];
  return { series, outcome, meter, units, list, charged, internal: null, unpriced, inside };
}

/** Internal rates beside the rows they belong to; the rows are cut where an internal price ends. */
function withInternal(rows: readonly ChargeRow[], internal: readonly ChargeLine[]): readonly ChargeRow[] {
  if (internal.length === 0) return rows;
  const purses = internal.map((line) => new Purse(line));
  let at = 0;
  const cut = rows.flatMap((row) => {
    const rest = new RowPurse(row);
    const pieces: ChargeRow[] = [];
    for (let purse = purses[at]; rest.units !== 0n && purse !== undefined; purse = purses[at]) {
      const units = smaller(rest.units, purse.units);
      pieces.push({ ...rest.take(units), internal: pricedOf(purse.line, purse.take(units)) });
      if (purse.units === 0n) at += 1;
    }
    if (rest.units !== 0n || pieces.length === 0) pieces.push(rest.take(rest.units));
    return pieces;
  });
  const left = purses.slice(at).map((purse) => {
    const { units, line } = purse;
    const amount = purse.take(units);
    return { ...rowOf({ ...line, units }, null, null), internal: pricedOf(line, amount) };
  });
  return [...cut, ...left];
}

class RowPurse {
  readonly #row: ChargeRow;
  readonly #list: Purse | null;
  readonly #charged: Purse | null;
  units: bigint;

  constructor(row: ChargeRow) {
    this.#row = row;
    this.units = row.units;
    const purse = (part: Priced | null): Purse | null =>
      part === null ? null : new Purse({ ...row, ...part, layer: 'list', standing: 0 });
    this.#list = purse(row.list);
    this.#charged = purse(row.charged);
  }

  take(units: bigint): ChargeRow {
    this.units -= units;
    const part = (whole: Priced | null, purse: Purse | null): Priced | null =>
      whole === null || purse === null ? null : { ...whole, nanoUsd: purse.take(units) };
    const { list, charged } = this.#row;
    return { ...this.#row, units, list: part(list, this.#list), charged: part(charged, this.#charged) };
  }
}
