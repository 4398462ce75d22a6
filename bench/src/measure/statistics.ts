/** The figures of several rounds: the middle one and how far they lie apart. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.ceil(sorted.length / 2) - 1];
  return upper === undefined || lower === undefined ? null : (lower + upper) / 2;
}

/** null where there is no value; a round that could not measure the figure (null) is left out. */
export function spread(values: readonly (number | null)[]): Spread | null {
  const known = values.filter((value) => value !== null);
  const middle = median(known);
  return middle === null ? null : { median: middle, min: Math.min(...known), max: Math.max(...known) };
}

/**
 * Ratios of rounds that ran next to each other, so that a machine that was slow for a minute is slow for both sides of a
 * pair. A pair with an unknown or zero side is left out.
 */
export function pairedRatios(
  numerators: readonly (number | null)[],
  denominators: readonly (number | null)[],
): number[] {
  const ratios: number[] = [];
  for (const [index, numerator] of numerators.entries()) {
    const denominator = denominators[index] ?? null;
    if (numerator !== null && denominator !== null && denominator !== 0) ratios.push(numerator / denominator);
  }
  return ratios;
}

/** Least squares slope of `y` over `x`, in units of y per unit of x; null for fewer than two different x. */
export function slope(points: readonly { readonly x: number; readonly y: number }[]): number | null {
  const count = points.length;
  const meanX = points.reduce((sum, point) => sum + point.x, 0) / count;
  const meanY = points.reduce((sum, point) => sum + point.y, 0) / count;
  const spreadX = points.reduce((sum, point) => sum + (point.x - meanX) ** 2, 0);
  if (!(spreadX > 0)) return null;
  return points.reduce((sum, point) => sum + (point.x - meanX) * (point.y - meanY), 0) / spreadX;
}
