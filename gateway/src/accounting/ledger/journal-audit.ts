import { EntryDecoder } from './decode-entry.ts';
import { JournalReader } from './journal-reader.ts';
import type { JournalAudit, JournalFiles, JournalItem, Position } from './ports.ts';
import { readEntry } from './recovery.ts';
import { qualifies } from './request-counts.ts';

/** Reads the journal's files anew, for whoever checks them. */
export function journalAudit(
  files: JournalFiles,
  archives: JournalAudit['archives'] = async () => await Promise.resolve([]),
): JournalAudit {
  return {
    segments: () => files.list(),
    archives,
    *items(from: Position | null, until: Position): Iterable<JournalItem> {
      const first = files.list().at(0);
      if (first === undefined) return;
      const decoder = new EntryDecoder();
      const reader = new JournalReader(files, from ?? { segment: first.segment, offset: 0 });
      for (let scanned = reader.next(until); scanned !== undefined; scanned = reader.next(until)) {
        const read = readEntry(scanned, decoder);
        if (read.kind !== 'entry') {
          yield read;
          continue;
        }
        const { at, entry } = read;
        if (entry.kind === 'header')
          yield { kind: 'segment', at, segment: entry.header.segment, follows: entry.header.follows };
        else if (entry.kind === 'open') yield { kind: 'open', at, id: entry.attempt.id };
        else if (entry.kind === 'adjustment') yield { kind: 'adjustment', at, adjustment: entry.adjustment };
        else yield { kind: 'settle', at, record: entry.record, qualifies: qualifies(entry.record) };
      }
    },
  };
}
