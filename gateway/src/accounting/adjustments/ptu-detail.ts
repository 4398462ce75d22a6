import { z } from 'zod';
import type { Adjustment } from '#accounting/ledger/ports.ts';
import type { Figures } from '#model/figures.ts';
import { parseJson } from '#kernel/json.ts';
import { hourBasisSchema } from './ptu-basis.ts';
import { capacityOf, idleKnown, usedIn, type HourUse } from './ptu-shares.ts';

const count = z.string().regex(/^\d+$/);

const usageSchema = z.object({
  attempts: count,
  /** Requests with an attempt of unknown usage: it weighs nothing, although it took capacity. */
  unknownUsageRequests: count,
  input: count,
  cachedInput: count,
  output: count,
});
export type HourUsage = Readonly<z.output<typeof usageSchema>>;

const detailSchema = z.object({
  revision: z.int().nonnegative(),
  why: z.string(),
  bookedBy: z.string(),
  basis: hourBasisSchema,
  /** What the ledger knew of the hour when it was allocated. */
  usage: usageSchema,
  /** Weighed tokens, in thousandths of an input token. */
  used: count,
  capacity: count.nullable(),
  idle: z.enum(['measured', 'no-use', 'unreserved', 'not-told']),
});
export type AllocationDetail = Readonly<z.output<typeof detailSchema>>;

export function usageOf(figures: Figures | undefined): HourUsage {
  const of = (measure: keyof Figures): string => String(figures?.[measure] ?? 0n);
  return {
    attempts: of('attempts'),
    unknownUsageRequests: of('unknownUsageRequests'),
    input: of('input'),
    cachedInput: of('cachedInput'),
    output: of('output'),
  };
}

export function detailOf(
  said: Pick<AllocationDetail, 'revision' | 'why' | 'bookedBy' | 'basis' | 'usage'>,
  uses: readonly HourUse[],
): AllocationDetail {
  const { basis } = said;
  const capacity = capacityOf(basis);
  return {
    ...said,
    used: String(usedIn(basis, uses)),
    capacity: capacity === null ? null : String(capacity),
    idle: idleKnown(basis, uses),
  };
}

/** Throws where the adjustment is no allocation. */
export function parseAllocationDetail({ id, detail }: Adjustment): AllocationDetail {
  const parsed = detailSchema.safeParse(parseJson(detail));
  if (!parsed.success) throw new TypeError(`The detail of '${id}' is not that of an allocation.`);
  return parsed.data;
}
