import type { CreateTopUp } from '@tollgate/contract/admin-api/budgets.ts';
import { amountText } from '#accounting/budgets/refusal.ts';
import { windowAt, windowNamed, type CalendarWindow } from '#accounting/budgets/windows.ts';
import type { LimitsChange } from '#directory/directory.ts';
import type { AdminLimits, StoredTopUp } from '#directory/ports.ts';
import { Failure } from '#kernel/errors.ts';
import { nanoUsdOfAmount, usdAmount } from '#model/limit-settings.ts';
import type { Budget } from '#model/limits.ts';

/** The most that one window may come to: what its counters hold, with room. 10^-9 USD, tokens or requests. */
const mostOf = (unit: Budget['unit']): bigint =>
  unit === 'nano-usd' ? 9_000_000_000_000_000_000n : BigInt(Number.MAX_SAFE_INTEGER);

export interface AskedTopUp {
  readonly asked: CreateTopUp;
  /** Undefined where there is none of this id. */
  readonly budget: Budget | undefined;
  /** UTC ms. */
  readonly now: number;
}

/**
 * The change that a top-up is; undefined where it has been made before, by its id. A Failure tells everything that is
 * wrong with it.
 */
export function topUpChange({ topUps }: AdminLimits, { asked, budget, now }: AskedTopUp): LimitsChange | undefined {
  if (budget === undefined) throw new Failure('admin_not_found', `There is no budget or quota '${asked.budget}'.`);
  const window = windowOf(asked, budget, now);
  const amount = amountOf(asked.amount, budget.unit);
  const problems = [window, amount].flatMap((one) => (typeof one === 'string' ? [one] : []));
  const before = topUps.find(({ id }) => id === asked.id);
  if (typeof window === 'string' || typeof amount === 'string')
    throw new Failure('admin_invalid', 'The budget cannot be topped up.', { details: problems });
  const added = topUps.reduce(
    (sum, one) => (one.budget === budget.id && one.window === window.id ? sum + BigInt(one.amount) : sum),
    0n,
  );
  const topUp: StoredTopUp = {
    id: asked.id,
    budget: budget.id,
    window: window.id,
    amount: String(amount),
    reason: asked.reason,
    at: now,
  };
  if (before !== undefined) {
    if (isSame(before, topUp)) return undefined;
    throw new Failure('admin_conflict', `The id '${asked.id}' was given to another top-up.`);
  }
  const most = mostOf(budget.unit);
  if (budget.amount + added + amount > most)
    throw new Failure('admin_invalid', 'The budget cannot be topped up.', {
      details: [`amount: the window would come to more than ${amountText(budget.unit, most)}`],
    });
  const subject = `${budget.id} ${window.id}: ${amountText(budget.unit, amount)} (${asked.id}): ${asked.reason}`;
  return { change: { kind: 'topped-up', topUp }, audited: [{ action: 'budget.top-up', subject }] };
}

const isSame = (one: StoredTopUp, other: StoredTopUp): boolean =>
  one.budget === other.budget && one.window === other.window && one.amount === other.amount;

/** What takes a top-up back: its window has so much less from then on, and nothing that is under way is cancelled. */
export function revokeChange({ topUps }: AdminLimits, id: string, reason: string): LimitsChange {
  const found = topUps.find((one) => one.id === id);
  if (found === undefined) throw new Failure('admin_not_found', `There is no top-up '${id}'.`);
  const subject = `${found.budget} ${found.window}: ${found.amount} (${id}): ${reason}`;
  return { change: { kind: 'top-up-revoked', id }, audited: [{ action: 'budget.top-up-revoke', subject }] };
}

/** The window that is meant, or what is wrong with it. */
function windowOf({ window: text }: CreateTopUp, { calendar }: Budget, now: number): CalendarWindow | string {
  if (text === undefined) return windowAt(calendar, now);
  const window = windowNamed(calendar, text);
  if (window === undefined)
    return `window: '${text}' is none of this budget; the current one is '${windowAt(calendar, now).id}'`;
  return window.end > now ? window : `window: '${text}' is over`;
}

const countPattern = /^(\d{1,3}(?:[_,]\d{3})+|\d+) (tokens|requests)$/;

/** What a budget in this unit is given, in the unit; or what is wrong with it. */
export function budgetAmountOf(text: string, unit: Budget['unit']): bigint | string {
  if (unit === 'nano-usd') {
    const parsed = usdAmount().safeParse(text);
    return parsed.success
      ? nanoUsdOfAmount(parsed.data)
      : `amount: ${parsed.error.issues[0]?.message ?? 'it is no amount'}`;
  }
  const [, digits, counted] = countPattern.exec(text) ?? [];
  if (digits === undefined || counted !== unit) return `amount: expected ${unit}, such as 1_000 ${unit}`;
  const count = BigInt(digits.replace(/[_,]/g, ''));
  return count <= mostOf(unit) ? count : `amount: expected at most ${amountText(unit, mostOf(unit))}`;
}

function amountOf(text: string, unit: Budget['unit']): bigint | string {
  const amount = budgetAmountOf(text, unit);
  return amount === 0n ? 'amount: it adds nothing' : amount;
}
