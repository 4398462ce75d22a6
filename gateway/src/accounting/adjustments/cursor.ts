import type { RecordKey } from '#accounting/ledger/ports.ts';
import type { Period } from '#model/figures.ts';
import { Failure } from '#kernel/errors.ts';

/** A key of the ledger as the admin API hands it out: `1772323200000-01K…`. */
export const cursorOf = (key: RecordKey | null): string | null => (key === null ? null : `${key.at}-${key.id}`);

/** Throws `admin_invalid` for what `cursorOf` has not made. */
export function keyOfCursor(cursor: string | undefined): RecordKey | null {
  if (cursor === undefined) return null;
  const [, at, id] = /^(\d{1,16})-(.+)$/.exec(cursor) ?? [];
  if (at === undefined || id === undefined) throw new Failure('admin_invalid', '`after` is no cursor of this list.');
  return { at: Number(at), id };
}

/** The period of a query; RFC 3339 in UTC. Throws `admin_invalid` where it is empty. */
export function periodOf({
  from,
  to,
}: {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}): Period {
  const period = { from: from === undefined ? null : Date.parse(from), to: to === undefined ? null : Date.parse(to) };
  if (period.from !== null && period.to !== null && period.from >= period.to)
    throw new Failure('admin_invalid', '`from` must be before `to`.');
  return period;
}
