import type { PtuAllocateReply, PtuAllocateRequest } from '@tollgate/contract/admin-api/ptu.ts';
import type { InternalRate } from '#accounting/cost/internal-rates.ts';
import type { Adjustment, LedgerStore, Posting } from '#accounting/ledger/ports.ts';
import { Failure } from '#kernel/errors.ts';
import type { PtuDeployment } from '#model/ptu.ts';
import { cursorOf, keyOfCursor } from './cursor.ts';
import { differenceOf } from './postings.ts';
import { hourBasis, hourMs, type ReservedCallers } from './ptu-basis.ts';
import { detailOf } from './ptu-detail.ts';
import { allocationId, allocationsOf, usageOfHours, usesOfHour, wholeHours } from './ptu-hours.ts';
import { hourPostings } from './ptu-postings.ts';

/** So many hours are allocated anew at a time. */
const hoursAtOnce = 100;

type Store = Pick<LedgerStore, 'figures' | 'findAdjustments'>;

export interface AnewOptions {
  readonly deployments: readonly PtuDeployment[];
  readonly callers: ReservedCallers;
  readonly rates: readonly InternalRate[];
  readonly bookedBy: string;
  /** UTC ms. */
  readonly now: number;
}

export interface AnewStep {
  readonly reply: PtuAllocateReply;
  /** Empty for a dry run. */
  readonly adjustments: readonly Adjustment[];
}

const costOf = (postings: readonly Posting[]): bigint => postings.reduce((sum, one) => sum + one.change.cost, 0n);

function chosen({ endpoint }: PtuAllocateRequest, { deployments }: AnewOptions): readonly PtuDeployment[] {
  const found = deployments.filter((one) => endpoint === undefined || one.servedBy.endpoint === endpoint);
  if (endpoint !== undefined && found.length === 0)
    throw new Failure('admin_not_found', `No endpoint '${endpoint}' has \`ptu\` in the configuration.`);
  return found.toSorted((one, other) => (one.servedBy.endpoint < other.servedBy.endpoint ? -1 : 1));
}

/** The next hours, and where it goes on behind them. */
function place(request: PtuAllocateRequest, options: AnewOptions) {
  const { from, to } = wholeHours(request);
  const deployments = chosen(request, options);
  const after = keyOfCursor(request.after);
  const index = after === null ? 0 : deployments.findIndex((one) => one.servedBy.endpoint >= after.id);
  const deployment = deployments[index];
  if (deployment === undefined) return undefined;
  const { endpoint } = deployment.servedBy;
  const begins = after?.id === endpoint ? after.at : from;
  const count = Math.min(hoursAtOnce, (to - begins) / hourMs);
  const ends = begins + count * hourMs;
  const following = deployments[index + 1]?.servedBy.endpoint;
  const behind = following === undefined ? null : { at: from, id: following };
  const hours = Array.from({ length: count }, (_one, at) => begins + at * hourMs);
  return { deployment, hours, next: ends < to ? { at: ends, id: endpoint } : behind };
}

/**
 * Allocates booked hours by what the configuration says now, and says what changes: a price that was wrong, a rule that
 * was agreed on later. What is not booked yet is left to the gateway. It counts once the adjustments are booked.
 */
export async function allocateAnew(store: Store, request: PtuAllocateRequest, options: AnewOptions): Promise<AnewStep> {
  const { dryRun, reason } = request;
  const found = place(request, options);
  if (found === undefined) return { reply: { dryRun, rows: [], next: null }, adjustments: [] };
  const { deployment, hours, next } = found;
  const { servedBy } = deployment;
  const booked = await allocationsOf(store, servedBy.endpoint, hours);
  const usage = await usageOfHours(store, servedBy, hours);
  const adjustments: Adjustment[] = [];
  let [before, after] = [0n, 0n];
  for (const [hour, earlier] of booked) {
    const known = usage[hours.indexOf(hour)];
    const last = earlier.at(-1);
    if (known === undefined || last === undefined) continue;
    const basis = hourBasis(deployment, { hour, since: hour, callers: options.callers, rates: options.rates });
    const uses = await usesOfHour(store, servedBy, hour);
    const posted = earlier.flatMap((one) => one.postings);
    const wanted = hourPostings(basis, uses);
    const postings = differenceOf(wanted, posted);
    before += costOf(posted);
    after += costOf(wanted);
    if (postings.length === 0) continue;
    const revision = earlier.length;
    const said = { revision, why: reason, bookedBy: options.bookedBy, basis, usage: known };
    adjustments.push({
      id: allocationId(servedBy.endpoint, hour, revision),
      kind: 'allocation',
      at: hour,
      bookedAt: Math.max(options.now, last.bookedAt + 1),
      of: null,
      postings,
      qualifies: null,
      detail: JSON.stringify(detailOf(said, uses)),
    });
  }
  const row = {
    endpoint: servedBy.endpoint,
    hours: booked.size,
    changed: adjustments.length,
    paidBeforeNanoUsd: String(before),
    paidAfterNanoUsd: String(after),
  };
  return {
    reply: { dryRun, rows: booked.size === 0 ? [] : [row], next: cursorOf(next) },
    adjustments: dryRun ? [] : adjustments,
  };
}
