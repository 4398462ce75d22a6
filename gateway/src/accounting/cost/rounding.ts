const million = 1_000_000n;

/** units × price ÷ 10^6, rounded half to even: the one rounding that money knows here. Both factors are ≥ 0. */
export function nanoUsdOf(units: number, nanoUsdPerMillion: bigint): bigint {
  const product = BigInt(units) * nanoUsdPerMillion;
  const quotient = product / million;
  const twice = (product % million) * 2n;
  if (twice > million || (twice === million && (quotient & 1n) === 1n)) return quotient + 1n;
  return quotient;
}
