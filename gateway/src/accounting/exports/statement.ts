import { meterWords, compareMeters, unknownUsageMeter } from './meters.ts';
import type { Charge } from './focus-rows.ts';
import { chargedInside, type ChargeRow, type Priced } from './charge-rows.ts';
import { pricingQuantity, shownPrice, type PriceById } from './row-prices.ts';
import { paidByTheHour } from '#model/money.ts';
import { compare, divide, multiply, type Decimal } from '@tollgate/contract/decimal.ts';

/** 10^-9 USD on each layer. Null: nothing was priced on it. */
export interface LayerSums {
  readonly cost: bigint | null;
  readonly list: bigint | null;
  readonly internal: bigint | null;
  /** What is charged: see `chargedInside`. */
  readonly charged: bigint | null;
}

/** How many requests there were, and how many of them bear a mark. */
export interface StatementCounts {
  readonly requests: bigint;
  readonly attempts: bigint;
  readonly unpriced: bigint;
  readonly unknownUsage: bigint;
  readonly deliveredOnly: bigint;
  readonly estimated: bigint;
  /** 10^-9 USD. */
  readonly heldNano: bigint;
}

export const noCounts: StatementCounts = {
  requests: 0n,
  attempts: 0n,
  unpriced: 0n,
  unknownUsage: 0n,
  deliveredOnly: 0n,
  estimated: 0n,
  heldNano: 0n,
};

export function addCounts(one: StatementCounts, other: StatementCounts): StatementCounts {
  return {
    requests: one.requests + other.requests,
    attempts: one.attempts + other.attempts,
    unpriced: one.unpriced + other.unpriced,
    unknownUsage: one.unknownUsage + other.unknownUsage,
    deliveredOnly: one.deliveredOnly + other.deliveredOnly,
    estimated: one.estimated + other.estimated,
    heldNano: one.heldNano + other.heldNano,
  };
}

/** What a line of the statement is about. */
type LineKind = 'usage' | 'provisioned' | 'allocated' | 'idle' | 'unpriced' | 'unknown' | 'correction';

export interface StatementLine {
  readonly kind: LineKind;
  readonly costCentrePath: string;
  readonly consumer: string;
  readonly model: string;
  readonly resource: string;
  readonly deployment: string;
  readonly deploymentType: string;
  readonly region: string;
  readonly meter: string;
  /** The price that was charged; null where none was. */
  readonly priceId: string | null;
  /** How the hours of a provisioned deployment were shared out; null for other lines. */
  readonly allocatedBy: string | null;
  readonly units: bigint;
  readonly sums: LayerSums;
  /** USD for one pricing unit, exactly; null where there is none, or no exact one. */
  readonly unitPrice: Decimal | null;
  readonly deliveredOnly: boolean;
  readonly estimated: boolean;
  /** No internal rate applies to some of its calls. */
  readonly withoutRate: boolean;
}

type Identity = Omit<StatementLine, 'units' | 'sums' | 'unitPrice' | 'deliveredOnly' | 'estimated' | 'withoutRate'>;

interface Growing extends Identity {
  units: bigint;
  cost: bigint | null;
  list: bigint | null;
  internal: bigint | null;
  charged: bigint | null;
  deliveredOnly: boolean;
  estimated: boolean;
  withoutRate: boolean;
}

/** Adds charges up to the lines of a statement; memory grows with the lines, not with the charges. */
export class StatementLines {
  readonly #lines = new Map<string, Growing>();
  readonly #priceById: PriceById;

  constructor(priceById: PriceById) {
    this.#priceById = priceById;
  }

  add(charge: Charge): void {
    const { row } = charge;
    const line = this.#lineOf(charge);
    line.units += row.units;
    line.cost = plus(line.cost, row.charged);
    line.list = plus(line.list, row.list);
    line.internal = plus(line.internal, row.internal);
    line.charged = addKnown(line.charged, chargedInside(row));
    line.withoutRate ||= !row.inside && (chargedInside(row) ?? 0n) !== 0n;
    line.deliveredOnly ||= charge.deliveredOnly;
    line.estimated ||= charge.estimated;
  }

  lines(): readonly StatementLine[] {
    return [...this.#lines.values()].toSorted(compareLines).map(({ cost, list, internal, charged, ...line }) => ({
      ...line,
      sums: { cost, list, internal, charged },
      unitPrice: this.#unitPrice({ ...line, cost }),
    }));
  }

  #lineOf({ row, correction, allocatedBy }: Charge): Growing {
    const { caller, servedBy } = row.series;
    const identity: Identity = {
      kind: kindOf(row, correction),
      costCentrePath: caller.costCentrePath,
      consumer: caller.consumer,
      model: servedBy.model,
      resource: servedBy.resource,
      deployment: servedBy.deployment,
      deploymentType: servedBy.deploymentType,
      region: servedBy.region,
      meter: row.meter,
      priceId: row.charged?.priceId ?? null,
      allocatedBy,
    };
    const key = JSON.stringify(Object.values(identity));
    const found = this.#lines.get(key);
    if (found !== undefined) return found;
    const sums = { units: 0n, cost: null, list: null, internal: null, charged: null };
    const line: Growing = { ...identity, ...sums, deliveredOnly: false, estimated: false, withoutRate: false };
    this.#lines.set(key, line);
    return line;
  }

  /** The price of the price book, or what cost and quantity come to where that is a number of nine digits. */
  #unitPrice(line: Identity & { readonly units: bigint; readonly cost: bigint | null }): Decimal | null {
    const { kind, priceId, cost } = line;
    if (priceId === null || cost === null || kind === 'provisioned') return null;
    const shown = shownPrice(line, { priceId, nanoUsd: cost, counts: true }, this.#priceById);
    if (!shown.derived) return shown.unitPrice;
    if (shown.unitPrice.digits === 0n) return null;
    const rounded = divide(shown.cost, pricingQuantity(line), 9);
    return compare(multiply(rounded, pricingQuantity(line)), shown.cost) === 0 ? rounded : null;
  }
}

function plus(sum: bigint | null, priced: Priced | null): bigint | null {
  return priced?.counts === true ? (sum ?? 0n) + priced.nanoUsd : sum;
}

function kindOf(row: ChargeRow, correction: boolean): LineKind {
  if (correction) return 'correction';
  if (row.outcome === 'allocated' || row.outcome === 'idle') return row.outcome;
  if (row.meter === unknownUsageMeter) return 'unknown';
  if (row.unpriced) return 'unpriced';
  return row.charged?.priceId === paidByTheHour ? 'provisioned' : 'usage';
}

/** Within a deployment: what was used, then what is not known of it, then what was booked later. */
const kindOrder: readonly LineKind[] = [
  'allocated',
  'idle',
  'provisioned',
  'usage',
  'unpriced',
  'unknown',
  'correction',
];

function compareLines(one: Identity, other: Identity): number {
  const [a, b] = [one, other].map((line) =>
    JSON.stringify([line.costCentrePath, line.consumer, line.model, line.resource, line.deployment]),
  );
  if (a !== b) return (a ?? '') < (b ?? '') ? -1 : 1;
  const kinds = kindOrder.indexOf(one.kind) - kindOrder.indexOf(other.kind);
  if (kinds !== 0) return kinds;
  const meters = compareMeters(one.meter, other.meter);
  if (meters !== 0) return meters;
  const [x, y] = [one, other].map((line) =>
    JSON.stringify([line.priceId, line.deploymentType, line.region, line.allocatedBy]),
  );
  return (x ?? '') < (y ?? '') ? -1 : 1;
}

function addKnown(sum: bigint | null, amount: bigint | null): bigint | null {
  return amount === null ? sum : (sum ?? 0n) + amount;
}

/** The sum of lines, layer by layer. */
export function sumOf(lines: Iterable<Pick<StatementLine, 'sums'>>): LayerSums {
  const total: { -readonly [layer in keyof LayerSums]: LayerSums[layer] } = {
    cost: null,
    list: null,
    internal: null,
    charged: null,
  };
  for (const { sums } of lines) {
    total.cost = addKnown(total.cost, sums.cost);
    total.list = addKnown(total.list, sums.list);
    total.internal = addKnown(total.internal, sums.internal);
    total.charged = addKnown(total.charged, sums.charged);
  }
  return total;
}

/** Many adjustments of one run, added up: who corrects a month books one for each call. */
export interface AdjustmentGroup {
  readonly kind: 'correction' | 'write-off';
  readonly reason: string;
  readonly bookedFrom: number;
  readonly bookedTo: number;
  readonly count: bigint;
  readonly costNano: bigint;
  readonly heldNano: bigint;
}

/** Everything that a statement says. */
export interface Statement {
  /** The same for the same cost centre and month, whenever it is made. */
  readonly id: string;
  readonly organisationName: string;
  readonly costCentrePath: string;
  readonly costCentreName: string;
  /** `2026-11`. */
  readonly month: string;
  /** UTC ms, [from, to). */
  readonly from: number;
  readonly to: number;
  readonly timeZone: string;
  readonly madeAt: number;
  readonly madeBy: string;
  /** The id of the key that signs it; null where it is not signed. */
  readonly keyId: string | null;
  /** Settled calls that the store did not hold yet. */
  readonly unsettled: number;
  readonly lines: readonly StatementLine[];
  readonly totals: LayerSums;
  readonly counts: StatementCounts;
  /** Requests and marks of each consumer's use of each deployment, by `placeOfLine`. */
  readonly countsByPlace: ReadonlyMap<string, StatementCounts>;
  readonly adjustments: readonly AdjustmentGroup[];
  /** What the configuration adds, in its own words; null for nothing. */
  readonly note: string | null;
}

/** Whose use of which deployment: what requests are counted by. */
export function placeOfLine(line: Pick<StatementLine, 'consumer' | 'model' | 'resource' | 'deployment'>): string {
  return JSON.stringify([line.consumer, line.model, `${line.resource}/${line.deployment}`]);
}

const ruleWords: Readonly<Record<string, string>> = {
  'by-use': ' by use',
  'by-peak': ' by busiest quarter-hour',
  'by-reserved-share': ' by reserved units',
};

/** The meter, and what its price holds for beside the model: `Output tokens, priority`. */
export function lineTitle(line: StatementLine): string {
  const { title } = meterWords(line.meter);
  if (line.kind === 'allocated') return `${title}, share${ruleWords[line.allocatedBy ?? ''] ?? ''}`;
  if (line.kind === 'idle') return `${title}, idle`;
  return [title, ...priceWords(line)].join(', ');
}

/** The parts of a price's id that are not the model, the type, the place, the meter or the day. */
function priceWords({ priceId, deploymentType, meter }: StatementLine): readonly string[] {
  const [layer, , type, ...rest] = (priceId ?? '').split('/');
  if (layer !== 'list' && layer !== 'contracted') return [];
  const parts = rest.filter((part) => part !== meter && !/^(?:zone|region):|^\d{4}-\d{2}-\d{2}$/.test(part));
  const words = parts.map((part) => part.replace(/^from-(\d+)$/, 'long context').replace(/^reported$/, 'as reported'));
  // A call that Azure spilled over is priced as another deployment than the one that was asked.
  return type === deploymentType ? words : [...words, 'spilled over'];
}
