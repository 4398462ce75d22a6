import type { BudgetState } from '@tollgate/contract/admin-api/budgets.ts';
import { grouped, usdFromNano } from '#output/money.ts';

export type Unit = BudgetState['unit'] | 'permits';

/** `1,234.50 USD`, `4,096 tokens`: exact. */
export function amountText(unit: Unit | null, amount: string): string {
  if (unit === 'nano-usd') return `${usdFromNano(amount)} USD`;
  return unit === null || unit === 'permits'
    ? grouped(amount === '' ? 0n : BigInt(amount))
    : `${grouped(BigInt(amount))} ${unit}`;
}

/** In USD, or whole: what a spreadsheet adds up. */
export function plainAmount(unit: Unit | null, amount: string): string {
  return unit === 'nano-usd' ? usdFromNano(amount).replaceAll(',', '') : amount;
}

/** `82.3 %`, cut and not rounded up: what is not reached must not look so. */
export function percentText(part: string, whole: string): string {
  if (BigInt(whole) === 0n) return BigInt(part) > 0n ? 'over' : '–';
  const perMille = (BigInt(part) * 1000n) / BigInt(whole);
  return `${perMille / 10n}.${perMille % 10n} %`;
}
