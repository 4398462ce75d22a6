const nanoPerUsd = 1_000_000_000n;

/** 1234567 -> `1,234,567`. */
export function grouped(count: bigint | number): string {
  return String(count).replaceAll(/\B(?=(?:\d{3})+$)/g, ',');
}

/**
 * Nano-USD (10^-9 USD) as a decimal number of USD, exactly: `1234567890` -> `1.23456789`. At least two decimals, at most
 * nine; as many zeros are added as `decimals` asks for. Never rounds.
 */
export function usdFromNano(nanoUsd: bigint | string, decimals = 2): string {
  const nano = BigInt(nanoUsd);
  const magnitude = nano < 0n ? -nano : nano;
  const fraction = String(magnitude % nanoPerUsd)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return `${nano < 0n ? '-' : ''}${grouped(magnitude / nanoPerUsd)}.${fraction.padEnd(Math.max(2, decimals), '0')}`;
}

/** An amount that may be unknown, for a sentence: `1.50 USD`, or `not known`, which is not 0. */
export const knownUsd = (nanoUsd: string | null): string =>
  nanoUsd === null ? 'not known' : `${usdFromNano(nanoUsd)} USD`;

/** A decimal number with its thousands grouped and so many decimals at least: `1234.5` -> `1,234.50`. Never rounds. */
export function groupedDecimal(amount: string, decimals = 2): string {
  const [whole = '0', fraction = ''] = amount.split('.');
  return `${grouped(BigInt(whole)).replace(/^0$/, whole)}.${fraction.padEnd(Math.max(2, decimals), '0')}`;
}

/** How many decimals the most precise of these amounts needs, so that a column lines up. */
export function decimalsFor(amounts: readonly (bigint | string | null)[]): number {
  return amounts.reduce<number>((most, amount) => {
    if (amount === null) return most;
    return Math.max(most, usdFromNano(amount).split('.')[1]?.length ?? 0);
  }, 2);
}
