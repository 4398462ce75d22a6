import { Failure } from '#kernel/errors.ts';
import type { Forwarding } from './deliver.ts';
import type { RequestLimits, Reservation } from './ports.ts';

const unlimited: Reservation = { nano: null, settle() {}, release() {} };

/**
 * What limits and budgets hold for an attempt that is admitted at `at`, UTC ms. `again`: the call has been sent before; then
 * undefined where another attempt cannot be paid for, and the client is told what came of those before.
 */
export function reserve(
  { limits }: Forwarding,
  at: number,
  again: boolean,
): Reservation | undefined | Promise<Reservation | undefined> {
  if (limits === undefined) return unlimited;
  return again ? reserveAgain(limits, at) : limits.reserve(at);
}

async function reserveAgain(limits: RequestLimits, at: number): Promise<Reservation | undefined> {
  try {
    return await limits.reserve(at);
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}
