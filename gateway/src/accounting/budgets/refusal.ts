import { Failure } from '#kernel/errors.ts';
import { nodeText, type Budget } from '#model/limits.ts';
import type { Account } from './account.ts';
import type { Lack } from './exchanger.ts';

/** What refused a call, with everything as it stood at that moment. Amounts in the budget's unit. */
export interface Refusal {
  readonly failure: Failure;
  /** The budget, rate or concurrency limit. */
  readonly limitId: string;
  readonly node: string;
  readonly unit: Budget['unit'] | 'permits';
  readonly needed: bigint;
  readonly limit: bigint;
  readonly spent: bigint;
  readonly inFlight: bigint;
  readonly unknown: bigint;
  /** Granted to other gateways and not used by them, as last told. */
  readonly leasedElsewhere: bigint;
  /** UTC ms: when the window ends, or when there is room again. */
  readonly resetAt: number;
}

/** Held money comes back within the length of a call. */
const heldRetrySeconds = 1;

const grouped = (value: bigint): string => value.toLocaleString('en-US');

/** `1.25 USD`, `4,096 tokens`: exact, without a float on the way. */
export function amountText(unit: Budget['unit'], amount: bigint): string {
  if (unit === 'tokens') return `${grouped(amount)} tokens`;
  if (unit === 'requests') return `${grouped(amount)} requests`;
  const fraction = String(amount % 1_000_000_000n).padStart(9, '0');
  const digits = fraction.replace(/0+$/, '').padEnd(2, '0');
  return `${grouped(amount / 1_000_000_000n)}.${digits} USD`;
}

/** Nothing but a write-off, a top-up or the next window brings room for it, and it would have fitted an empty one. */
export function isExhausted(lack: Lack, needed: Needed): lack is Extract<Lack, { kind: 'account' }> {
  if (lack.kind !== 'account') return false;
  const { account } = lack;
  const amount = needed.ofAccount(account);
  return amount <= account.limit && account.total.spent + account.total.unknown + amount > account.limit;
}

/** A budget as it stands, as if it refused. */
export function ofAccount(account: Account, needed: bigint): Refusal {
  const { budget, total, limit, window } = account;
  const { spent, unknown, inFlight } = total;
  const money = budget.unit === 'nano-usd';
  const text = (amount: bigint): string => amountText(budget.unit, amount);
  const reset = new Date(window.end).toISOString();
  const what = `The ${money ? 'budget' : 'quota'} '${budget.name}' of ${nodeText(budget.node)}`;
  const state = `${text(spent)} spent and ${text(unknown + inFlight)} held of ${text(limit)}`;
  let failure: Failure;
  if (needed > limit) {
    failure = new Failure(
      money ? 'budget_exhausted' : 'quota_exhausted',
      `This call may use ${text(needed)}, more than the whole of ${lower(what)}: ${text(limit)}. Ask for less output.`,
    );
  } else if (spent + unknown + needed > limit) {
    failure = new Failure(
      money ? 'budget_exhausted' : 'quota_exhausted',
      `${what} is exhausted: ${state}; this call may use ${text(needed)}. It is reset at ${reset}.`,
    );
  } else {
    failure = new Failure(
      money ? 'budget_held' : 'quota_held',
      `${what} is held by calls under way: ${state}; this call may use ${text(needed)}. Try again shortly.`,
      { retryAfterSeconds: heldRetrySeconds },
    );
  }
  return {
    failure,
    limitId: budget.id,
    node: nodeText(budget.node),
    unit: budget.unit,
    needed,
    limit,
    spent,
    inFlight,
    unknown,
    leasedElsewhere: account.leasedElsewhere,
    resetAt: window.end,
  };
}

const lower = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);

function ofRate({ track, waitMs }: Extract<Lack, { kind: 'rate' }>, needed: number, now: number): Refusal {
  const { rate, state } = track;
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  const available = state?.available ?? 0;
  return {
    failure: new Failure(
      'rate_limit_exceeded',
      `The limit of ${rate.amount.toLocaleString('en-US')} ${rate.unit} per ${rate.perMs / 1000} s of ${nodeText(rate.node)} ` +
        `leaves ${Math.max(0, available).toLocaleString('en-US')}; this call needs ${needed.toLocaleString('en-US')}. Try again in ${seconds} s.`,
      { retryAfterSeconds: seconds },
    ),
    limitId: rate.id,
    node: nodeText(rate.node),
    unit: rate.unit,
    needed: BigInt(needed),
    limit: BigInt(rate.amount),
    spent: BigInt(Math.max(0, rate.amount - Math.max(0, Math.floor(available)))),
    inFlight: 0n,
    unknown: 0n,
    leasedElsewhere: 0n,
    resetAt: now + waitMs,
  };
}

function ofPermit({ track }: Extract<Lack, { kind: 'permit' }>, now: number): Refusal {
  const { limit, heldByAll } = track;
  return {
    failure: new Failure(
      'concurrency_limit_exceeded',
      `${nodeText(limit.node)} may have ${limit.permits} requests under way at once, and has. Try again shortly.`,
      { retryAfterSeconds: heldRetrySeconds },
    ),
    limitId: limit.id,
    node: nodeText(limit.node),
    unit: 'permits',
    needed: 1n,
    limit: BigInt(limit.permits),
    spent: 0n,
    inFlight: BigInt(heldByAll),
    unknown: 0n,
    leasedElsewhere: 0n,
    resetAt: now + heldRetrySeconds * 1000,
  };
}

/** How much a call needs of what it lacks. */
export interface Needed {
  ofAccount(account: Account): bigint;
  ofRate(unit: 'requests' | 'tokens'): number;
}

/**
 * Everything that a call lacks. The first one is told: an exhausted budget before anything that passes by itself, then
 * what takes longest to pass.
 */
export function refusalsFor(
  lacking: readonly Lack[],
  needed: Needed,
  now: number,
): readonly [Refusal, ...(readonly Refusal[])] {
  const refusals = lacking.map((lack): Refusal => {
    if (lack.kind === 'account') return ofAccount(lack.account, needed.ofAccount(lack.account));
    return lack.kind === 'rate' ? ofRate(lack, needed.ofRate(lack.track.rate.unit), now) : ofPermit(lack, now);
  });
  const final = refusals.find(({ failure }) => failure.status === 403);
  const [worst] = refusals.toSorted((one, other) => other.resetAt - one.resetAt);
  const told = final ?? worst;
  if (told === undefined) throw new Error('Nothing was lacking.');
  return [told, ...refusals.filter((one) => one !== told)];
}

/** What a caller is told who has a hard budget that nobody can judge now. */
export function countersUnavailable(waitMs: number, cause?: unknown): Failure {
  return new Failure('counters_unavailable', 'What is left of a hard budget cannot be told now.', {
    retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)),
    cause,
  });
}
