import { attemptText, headerText, openText, settleText } from '../../src/accounting/ledger/encode-entry.ts';
import { FrameBuffer } from '../../src/accounting/ledger/framing.ts';
import type { UsageRecord } from '../../src/model/usage-record.ts';
import { openedAttempt } from './records.ts';

export const open = (record: UsageRecord): string => openText(attemptText(openedAttempt(record)));
export const settle = (record: UsageRecord): string => settleText(record);

/** The bytes of entries, without a segment's header. */
export function frames(...entries: readonly string[]): Buffer {
  const buffer = new FrameBuffer(1024);
  for (const entry of entries) buffer.add(entry);
  return Buffer.from(buffer.bytes);
}

/** The bytes of a whole segment. */
export function segment(number: number, ...entries: readonly string[]): Buffer {
  const header = { segment: number, follows: number === 1 ? null : number - 1, instance: 'journal-1', createdAt: 1 };
  return frames(headerText(header), ...entries);
}
