/**
 * An item of the Azure Retail Prices API, as far as it is looked at; items that differ only in their region are one.
 * Source: "Azure Retail Prices overview", Microsoft documentation (REST API 2023-01-01-preview).
 */
export interface RetailItem {
  readonly currencyCode: string;
  /** The number as it stands in the reply's text: it never was a float. */
  readonly retailPrice: string;
  /** The price holds from so many units on; 0 where it is not tiered. */
  readonly tierMinimumUnits: string;
  /** The meter's id by `armRegionName`; the region is empty where the meter belongs to none. */
  readonly regions: Readonly<Record<string, string>>;
  readonly meterName: string;
  readonly productName: string;
  readonly skuName: string;
  /** `1K`, `1M`, `1 Hour`, … */
  readonly unitOfMeasure: string;
  /** `Consumption`, `Reservation`, `DevTestConsumption`. */
  readonly type: string;
  /** RFC 3339. */
  readonly effectiveStartDate: string;
  /** Present where the price has an end. */
  readonly effectiveEndDate?: string | undefined;
}

/** How many of our units one unit of the API is; an hour is 3,600 seconds, and is an hour only of provisioned units. */
const unitSizes: Readonly<Record<string, bigint>> = {
  '1': 1n,
  '100': 100n,
  '1K': 1000n,
  '10K': 10_000n,
  '1M': 1_000_000n,
};
const secondsAnHour = 3600n;

/** How many seconds, calls, images, characters or tokens one unit of measure has; undefined where nobody knows. */
export function unitSize(unitOfMeasure: string, meter: string): bigint | undefined {
  if (meter === 'seconds') return unitOfMeasure === '1 Hour' ? secondsAnHour : undefined;
  if (meter === 'ptu') return unitOfMeasure === '1/Hour' ? 1n : undefined;
  return unitSizes[unitOfMeasure];
}

/** USD for `size` units, as a decimal text, in 10^-9 USD for `of` units; undefined where it would have to be rounded. */
export function nanoUsd(price: string, size: bigint, of: bigint): bigint | undefined {
  const match = /^(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(price);
  if (match === null) return undefined;
  const [, whole = '', fraction = '', exponent = '0'] = match;
  const shift = 9 + Number(exponent) - fraction.length;
  if (Math.abs(shift) > 40) return undefined;
  const digits = BigInt(whole + fraction) * of * (shift > 0 ? 10n ** BigInt(shift) : 1n);
  const divisor = size * (shift < 0 ? 10n ** BigInt(-shift) : 1n);
  return digits % divisor === 0n ? digits / divisor : undefined;
}
