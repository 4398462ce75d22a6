import type { Account } from './account.ts';
import type { CallerPath } from './reservation.ts';

/** What the headers are called; null: the header is not sent. Lower case. */
export interface HeaderNames {
  readonly limitRequests: string | null;
  readonly remainingRequests: string | null;
  readonly resetRequests: string | null;
  readonly limitTokens: string | null;
  readonly remainingTokens: string | null;
  readonly resetTokens: string | null;
  readonly limitBudget: string | null;
  readonly remainingBudget: string | null;
  readonly resetBudget: string | null;
}

/** The names that OpenAI's clients know, and the same for money. */
export const defaultHeaderNames: HeaderNames = {
  limitRequests: 'x-ratelimit-limit-requests',
  remainingRequests: 'x-ratelimit-remaining-requests',
  resetRequests: 'x-ratelimit-reset-requests',
  limitTokens: 'x-ratelimit-limit-tokens',
  remainingTokens: 'x-ratelimit-remaining-tokens',
  resetTokens: 'x-ratelimit-reset-tokens',
  limitBudget: 'x-ratelimit-limit-budget',
  remainingBudget: 'x-ratelimit-remaining-budget',
  resetBudget: 'x-ratelimit-reset-budget',
};

/** `6m0s`, `20ms`: durations as OpenAI writes them. */
function durationText(ms: number): string {
  if (ms < 1000) return `${Math.ceil(ms)}ms`;
  const seconds = Math.ceil(ms / 1000);
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  if (hours > 0) return `${hours}h${minutes}m${rest}s`;
  return minutes > 0 ? `${minutes}m${rest}s` : `${rest}s`;
}

interface Tightest {
  readonly limit: number;
  readonly remaining: number;
  readonly resetMs: number;
}

/** Of all rates in this unit, the one that leaves least. */
function tightest(path: CallerPath, unit: 'requests' | 'tokens'): Tightest | undefined {
  let found: Tightest | undefined;
  for (const { rate, state, leased } of path.rates) {
    if (rate.unit !== unit) continue;
    const remaining = Math.max(0, Math.floor((state?.available ?? rate.burst) + leased));
    if (found === undefined || remaining < found.remaining)
      found = { limit: rate.amount, remaining, resetMs: state?.resetMs ?? 0 };
  }
  return found;
}

function leastLeft(path: CallerPath): { readonly account: Account; readonly left: bigint } | undefined {
  let found: { readonly account: Account; readonly left: bigint } | undefined;
  for (const { budget, current } of path.budgets) {
    if (current === undefined || budget.unit !== 'nano-usd') continue;
    const left = remainingIn(current);
    if (found === undefined || left < found.left) found = { account: current, left };
  }
  return found;
}

function remainingIn({ limit, total }: Account): bigint {
  const left = limit - total.spent - total.unknown - total.inFlight;
  return left > 0n ? left : 0n;
}

/** `1.25`: exact. By hand, because a locale's grouping took a tenth of the whole request. */
export function usdText(nano: bigint): string {
  const digits = String(nano).padStart(10, '0');
  let end = digits.length;
  while (end > digits.length - 7 && digits.charAt(end - 1) === '0') end -= 1;
  return `${digits.slice(0, -9)}.${digits.slice(-9, end === digits.length ? undefined : end)}`;
}

const resets = new WeakMap<Account['window'], string>();

function resetText(window: Account['window']): string {
  let text = resets.get(window);
  if (text === undefined) resets.set(window, (text = new Date(window.end).toISOString()));
  return text;
}

/** What remains, by the tightest limit of each kind, as this gateway knows it. Name, value, name, value … */
export function limitHeaders(path: CallerPath, names: HeaderNames): readonly string[] {
  const headers: string[] = [];
  const add = (name: string | null, value: string): void => {
    if (name !== null) headers.push(name, value);
  };
  const requests = tightest(path, 'requests');
  if (requests !== undefined) {
    add(names.limitRequests, String(requests.limit));
    add(names.remainingRequests, String(requests.remaining));
    add(names.resetRequests, durationText(requests.resetMs));
  }
  const tokens = tightest(path, 'tokens');
  if (tokens !== undefined) {
    add(names.limitTokens, String(tokens.limit));
    add(names.remainingTokens, String(tokens.remaining));
    add(names.resetTokens, durationText(tokens.resetMs));
  }
  const budget = leastLeft(path);
  if (budget !== undefined) {
    add(names.limitBudget, usdText(budget.account.limit));
    add(names.remainingBudget, usdText(budget.left));
    add(names.resetBudget, resetText(budget.account.window));
  }
  return headers;
}
