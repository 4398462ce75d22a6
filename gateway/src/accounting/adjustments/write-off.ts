import type { Adjustment, RecordKey, StoredRecord } from '#accounting/ledger/ports.ts';
import type { HeldRecord } from './held.ts';
import { noChange } from './postings.ts';

/** Who books something by hand, and why; both stand in the entry. */
export interface Said {
  readonly bookedBy: string;
  readonly reason: string;
}

/** An attempt is written off once: the entry is named by it. */
const writeOffId = ({ id }: Pick<StoredRecord, 'id'>): string => `write-off/${id}`;

/** Takes back what an attempt holds. What it used stays as little known as it was. */
export function writeOffOf({ record, held }: HeldRecord, { bookedBy, reason }: Said, now: number): Adjustment {
  const { at, id, series, outcome } = record;
  return {
    id: writeOffId(record),
    kind: 'write-off',
    at,
    bookedAt: now,
    of: { at, id },
    postings: held === 0n ? [] : [{ series, outcome, change: { ...noChange, held: -held }, lines: [] }],
    qualifies: null,
    detail: JSON.stringify({ bookedBy, reason, requestId: record.requestId, held: String(held) }),
  };
}

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** The key of an attempt: its id begins with the millisecond of its admission. Undefined for what is no id of ours. */
export function keyOfAttempt(id: string): RecordKey | undefined {
  if (!/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(id)) return undefined;
  let at = 0;
  for (const digit of id.slice(0, 10)) at = at * 32 + alphabet.indexOf(digit);
  return { at, id };
}
