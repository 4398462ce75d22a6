import {
  add,
  compare,
  divide,
  magnitude,
  multiply,
  negate,
  usdOfNano,
  zero,
  type Decimal,
} from '@tollgate/contract/decimal.ts';
import { paidByTheHour } from '#model/money.ts';
import type { ChargeRow, Priced } from './charge-rows.ts';
import { meterWords } from './meters.ts';

/** 10^-9 USD for so many units: for a million of them, or for the 3,600 PTU-seconds of a PTU-hour. */
export interface KnownPrice {
  readonly nanoUsd: bigint;
  readonly perUnits: bigint;
}

/** A price by its id; undefined where nobody has it any longer. */
export type PriceById = (priceId: string) => KnownPrice | undefined;

/** A price as files show it. */
export interface ShownPrice {
  readonly priceId: string;
  /** USD for one of the meter's pricing unit. */
  readonly unitPrice: Decimal;
  /** Unit price times quantity, in USD; the ledger's own amount where the unit price is derived from it, if it can be. */
  readonly cost: Decimal;
  /** True where the unit price was worked out from cost and quantity: the price book has none that gives this cost. */
  readonly derived: boolean;
}

const derivedDigits = 15;
const quantityDigits = 9;

/** The units in the meter's pricing unit: exact, but for hours, which are rounded to 10^-9. */
export function pricingQuantity({ meter, units }: Pick<ChargeRow, 'meter' | 'units'>): Decimal {
  const { unitsPerPrice } = meterWords(meter);
  const scale = String(unitsPerPrice).length - 1;
  if (unitsPerPrice === 10n ** BigInt(scale)) return { digits: units, scale };
  return divide({ digits: units, scale: 0 }, { digits: unitsPerPrice, scale: 0 }, quantityDigits);
}

/** USD for one pricing unit. */
function inPricingUnit({ nanoUsd, perUnits }: KnownPrice, unitsPerPrice: bigint): Decimal {
  if (perUnits === unitsPerPrice) return usdOfNano(nanoUsd);
  return divide(usdOfNano(nanoUsd * unitsPerPrice), { digits: perUnits, scale: 0 }, derivedDigits);
}

export function shownPrice(row: Pick<ChargeRow, 'meter' | 'units'>, priced: Priced, priceById: PriceById): ShownPrice {
  const { priceId, nanoUsd } = priced;
  const quantity = pricingQuantity(row);
  const known = priceId === paidByTheHour ? { nanoUsd: 0n, perUnits: 1n } : priceById(priceId);
  const cost = usdOfNano(nanoUsd);
  if (known !== undefined) {
    const unitPrice = inPricingUnit(known, meterWords(row.meter).unitsPerPrice);
    const product = multiply(unitPrice, quantity);
    if (isRounding(add(product, negate(cost)), row)) return { priceId, unitPrice, cost: product, derived: false };
  }
  // A price is never negative: what no price gives stands in the ledger's own amounts alone.
  const hasPrice = quantity.digits !== 0n && quantity.digits > 0n === nanoUsd > 0n;
  if (!hasPrice) return { priceId, unitPrice: zero, cost: zero, derived: true };
  return { priceId, unitPrice: divide(cost, quantity, derivedDigits), cost, derived: true };
}

/**
 * Each call is rounded by half a nano-USD at most, and has one unit at least; what is more was booked otherwise, such as
 * a correction of the amount alone. Of an hour, money and PTU-seconds are shared out apart from each other, each to the
 * last unit.
 */
function isRounding(difference: Decimal, { meter, units }: Pick<ChargeRow, 'meter' | 'units'>): boolean {
  if (meter === paidByTheHour) return true;
  const most: Decimal = { digits: 5n * (units < 0n ? -units : units), scale: 10 };
  return compare(magnitude(difference), most) <= 0;
}
