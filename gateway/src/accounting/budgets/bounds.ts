import type { Account } from './account.ts';

/**
 * By how much a hard budget can be missed in a window, both ways, in the budget's unit. With, for each gateway g,
 *
 *     used(g) = spent(g) + unknown(g) + inFlight(g)        what it has spent, and holds
 *     idle(g) = granted(g) − used(g)                       what it may spend without asking
 *
 * and with used(g) ≤ granted(g), which every gateway keeps, and Σ granted ≤ limit, which the counters keep:
 *
 * - _Overshoot_: what may be spent beyond the limit. As long as providers keep the output caps that they are sent, every
 *   call costs at most what was reserved for it, so that
 *
 *       Σ (spent + unknown) ≤ Σ granted ≤ limit            overshoot = 0
 *
 *   Counters that are lost are stated anew by every gateway that lives; of one that died with them only the ledger is
 *   known, so far as it was shipped:
 *
 *       overshoot ≤ Σ over gateways that do not come back of (granted(g) − spent(g) − unknown(g))
 *
 * - _Stranded_: what may be refused although it is neither spent nor held. A call that needs n is refused where
 *   n > limit − Σ granted to others − used(own), so that what is left then is
 *
 *       limit − Σ used ≤ n − 1 + Σ idle of other gateways that do not give it back when it is recalled
 *
 *   and everything that is left and not granted already while nothing is granted: after counters were lost, for as long
 *   as a grant may be used without contact, and while they cannot be asked.
 */
export interface BoundsInForce {
  /** What may come to be spent beyond the limit in this window; above 0 only after counters were lost. */
  readonly overshoot: bigint;
  /** The same if the counters and every other gateway were lost at this moment, and did not come back. */
  readonly overshootIfLost: bigint;
  /** What may be refused now although it is neither spent nor held. */
  readonly stranded: bigint;
  /** `n` above: the most that one call has needed of this budget in the window. */
  readonly largestCall: bigint;
}

/**
 * The bounds of one account as this gateway knows it; what others hold is as old as the last exchange that named it, so
 * whoever shows them has it told first (`Engine.load`). `granting`: more is granted at present.
 */
export function boundsInForce(account: Account, granting: boolean): BoundsInForce {
  const { largestCall, lostElsewhere, outstandingElsewhere, leasedElsewhere, limit, total, free } = account;
  const bounds = { overshoot: lostElsewhere, overshootIfLost: outstandingElsewhere, largestCall };
  if (!account.budget.hard) return { ...bounds, overshoot: 0n, overshootIfLost: 0n, stranded: 0n };
  const left = atLeastNothing(limit - total.spent - total.unknown - total.inFlight);
  if (!granting) return { ...bounds, stranded: atLeastNothing(left - atLeastNothing(free)) };
  const refusable = leasedElsewhere + atLeastNothing(largestCall - 1n);
  return { ...bounds, stranded: refusable < left ? refusable : left };
}

const atLeastNothing = (amount: bigint): bigint => (amount > 0n ? amount : 0n);
