/**
 * Shares a whole out by weight, to the last unit: each gets its part rounded down, and what is left goes to the largest
 * remainders, the first of equal ones first. The shares add up to the whole. Throws where there is nobody to pay.
 */
export function shareOut(whole: bigint, weights: readonly bigint[]): readonly bigint[] {
  const sum = weights.reduce((total, one) => total + one, 0n);
  if (sum <= 0n || weights.some((one) => one < 0n)) throw new RangeError('A whole is shared out by weights above 0.');
  const shares = weights.map((weight) => (whole * weight) / sum);
  let rest = whole - shares.reduce((total, one) => total + one, 0n);
  const byRemainder = weights
    .map((weight, index) => ({ index, remainder: (whole * weight) % sum }))
    .toSorted((one, other) => {
      if (one.remainder === other.remainder) return one.index - other.index;
      return one.remainder > other.remainder ? -1 : 1;
    });
  for (const { index } of byRemainder) {
    if (rest === 0n) break;
    shares[index] = (shares[index] ?? 0n) + 1n;
    rest -= 1n;
  }
  return shares;
}
