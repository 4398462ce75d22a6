/** `units` of a currency cost `usd`, from an instant on until the next rate begins. Both are integers of 10^-12. */
export interface CurrencyRate {
  /** UTC ms. */
  readonly from: number;
  /** The same as it stands in the configuration: `2026-11-01`. */
  readonly firstDay: string;
  readonly units: bigint;
  readonly usd: bigint;
}

/** By ISO 4217 code; the earliest first. USD is not in it. */
export type CurrencyRates = Readonly<Record<string, readonly CurrencyRate[]>>;

/** What an amount is told in. */
export interface Currency {
  readonly code: string;
  /** None for USD. */
  readonly rates: readonly CurrencyRate[];
}

export const usDollar: Currency = { code: 'USD', rates: [] };

/** An exact amount of a currency in 10^-9: `numerator` / `denominator`, which is more than 0. */
export interface ExactAmount {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

const nothing: ExactAmount = { numerator: 0n, denominator: 1n };

/** 10^-9 USD at a rate; `undefined`: in USD. */
function converted(nanoUsd: bigint, rate: CurrencyRate | undefined): ExactAmount {
  if (rate === undefined) return { numerator: nanoUsd, denominator: 1n };
  return { numerator: nanoUsd * rate.units, denominator: rate.usd };
}

function addExact(one: ExactAmount, other: ExactAmount): ExactAmount {
  if (one.denominator === other.denominator)
    return { numerator: one.numerator + other.numerator, denominator: one.denominator };
  return {
    numerator: one.numerator * other.denominator + other.numerator * one.denominator,
    denominator: one.denominator * other.denominator,
  };
}

/** Rounded half to even, to 10^-9 of the currency. */
export function rounded({ numerator, denominator }: ExactAmount): bigint {
  const magnitude = numerator < 0n ? -numerator : numerator;
  const quotient = magnitude / denominator;
  const twice = (magnitude % denominator) * 2n;
  const isUp = twice > denominator || (twice === denominator && (quotient & 1n) === 1n);
  const result = isUp ? quotient + 1n : quotient;
  return numerator < 0n ? -result : result;
}

/** An amount that is converted at several rates, each part at its own, and rounded once. */
export class ConvertedSum {
  readonly #byRate = new Map<CurrencyRate | undefined, bigint>();

  add(nanoUsd: bigint, rate: CurrencyRate | undefined): void {
    this.#byRate.set(rate, (this.#byRate.get(rate) ?? 0n) + nanoUsd);
  }

  merge(other: ConvertedSum): void {
    for (const [rate, nanoUsd] of other.#byRate) this.add(nanoUsd, rate);
  }

  rounded(): bigint {
    return rounded([...this.#byRate].map(([rate, nanoUsd]) => converted(nanoUsd, rate)).reduce(addExact, nothing));
  }
}

/** 10^-9 as a decimal number, exactly: `1234567890n` is `1.23456789`. */
export function decimalOfNano(nano: bigint): string {
  const digits = String(nano < 0n ? -nano : nano).padStart(10, '0');
  const fraction = digits.slice(-9).replace(/0+$/, '');
  return `${nano < 0n ? '-' : ''}${digits.slice(0, -9)}${fraction === '' ? '' : `.${fraction}`}`;
}

/** The units of the currency for one USD: `0.92`, or `1000/1087` where that is no decimal. */
export function perUsdText({ units, usd }: CurrencyRate): string {
  const divisor = greatestCommonDivisor(units, usd);
  const [over, under] = [units / divisor, usd / divisor];
  const scale = 10n ** 12n;
  if ((over * scale) % under !== 0n) return `${over}/${under}`;
  const digits = String((over * scale) / under).padStart(13, '0');
  const fraction = digits.slice(-12).replace(/0+$/, '');
  return `${digits.slice(0, -12)}${fraction === '' ? '' : `.${fraction}`}`;
}

function greatestCommonDivisor(one: bigint, other: bigint): bigint {
  let [larger, smaller] = [one, other];
  while (smaller !== 0n) [larger, smaller] = [smaller, larger % smaller];
  return larger;
}
