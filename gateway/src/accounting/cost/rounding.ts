const million = 1_000_000n;

/** dividend ÷ divisor, rounded half to even: the one rounding that money knows here. The dividend is ≥ 0. */
export function roundedDivision(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  const twice = (dividend % divisor) * 2n;
  if (twice > divisor || (twice === divisor && (quotient & 1n) === 1n)) return quotient + 1n;
  return quotient;
}

/** a × b ÷ 10^6, rounded. Both factors are ≥ 0. */
export function perMillion(a: bigint, b: bigint): bigint {
  return roundedDivision(a * b, million);
}

/** What so many units cost. */
export function nanoUsdOf(units: number, nanoUsdPerMillion: bigint): bigint {
  return perMillion(BigInt(units), nanoUsdPerMillion);
}
