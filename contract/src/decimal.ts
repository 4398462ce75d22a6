/** An exact decimal number: `digits` × 10^-`scale`. The scale is at least 0. */
export interface Decimal {
  readonly digits: bigint;
  readonly scale: number;
}

/** FOCUS's NumericFormat: integers, decimals, `35.2E-7`; no plus signs, no separators. */
const numericFormat = /^(-?)(\d+)(?:\.(\d+))?(?:E(-?\d{1,4}))?$/;

/** The number that a text in FOCUS's NumericFormat stands for; undefined for any other text. */
export function parseDecimal(text: string): Decimal | undefined {
  const [matched, sign, whole = '', fraction = '', exponent = '0'] = numericFormat.exec(text) ?? [];
  if (matched === undefined) return undefined;
  const digits = BigInt(`${sign}${whole}${fraction}`);
  const scale = fraction.length - Number(exponent);
  return scale >= 0 ? { digits, scale } : { digits: digits * 10n ** BigInt(-scale), scale: 0 };
}

/** The same number with more digits after the point. */
function atScale({ digits, scale }: Decimal, wanted: number): bigint {
  return digits * 10n ** BigInt(wanted - scale);
}

export const zero: Decimal = { digits: 0n, scale: 0 };

export function add(one: Decimal, other: Decimal): Decimal {
  const scale = Math.max(one.scale, other.scale);
  return { digits: atScale(one, scale) + atScale(other, scale), scale };
}

export function multiply(one: Decimal, other: Decimal): Decimal {
  return { digits: one.digits * other.digits, scale: one.scale + other.scale };
}

export function negate({ digits, scale }: Decimal): Decimal {
  return { digits: -digits, scale };
}

export function magnitude({ digits, scale }: Decimal): Decimal {
  return { digits: digits < 0n ? -digits : digits, scale };
}

/** Below 0, 0 or above 0, as `one` is less than, equal to or more than `other`. */
export function compare(one: Decimal, other: Decimal): number {
  const { digits } = add(one, negate(other));
  if (digits === 0n) return 0;
  return digits < 0n ? -1 : 1;
}

/**
 * one ÷ other with so many digits after the point, rounded half to even. The one place where an amount is not exact: used
 * where an average is asked for, never for a sum.
 */
export function divide(one: Decimal, other: Decimal, scale: number): Decimal {
  const numerator = one.digits * 10n ** BigInt(scale + other.scale);
  const denominator = other.digits * 10n ** BigInt(one.scale);
  const negative = numerator < 0n !== denominator < 0n;
  const [over, under] = [numerator < 0n ? -numerator : numerator, denominator < 0n ? -denominator : denominator];
  const quotient = over / under;
  const twice = (over % under) * 2n;
  const rounded = twice > under || (twice === under && (quotient & 1n) === 1n) ? quotient + 1n : quotient;
  return { digits: negative ? -rounded : rounded, scale };
}

/** Written out in full, with at least so many digits after the point and no more zeros than that. Never rounds. */
export function decimalText(value: Decimal, leastDigits = 0): string {
  const negative = value.digits < 0n;
  const text = String(negative ? -value.digits : value.digits).padStart(value.scale + 1, '0');
  const whole = text.slice(0, text.length - value.scale);
  const fraction = text
    .slice(text.length - value.scale)
    .replace(/0+$/, '')
    .padEnd(leastDigits, '0');
  return `${negative ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}

/** 10^-9 USD as USD: `1234567890n` is 1.23456789. */
export function usdOfNano(nanoUsd: bigint): Decimal {
  return { digits: nanoUsd, scale: 9 };
}
