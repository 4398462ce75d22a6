import type { ConfigSection } from '#kernel/config-section.ts';
import { byteSize, duration } from '#kernel/config-values.ts';
import { z } from 'zod';
import { logAnalytics } from './log-analytics-config.ts';
import { findingsOfStore, storeSetting } from './store-config.ts';

const years = 365 * 86_400_000;

const backlog = z
  .strictObject({
    bytes: byteSize({ atLeast: 64 * 1024, atMost: 16 * 1024 ** 4 })
      .prefault('10GiB')
      .describe('How much of the journal may wait for the store. An ordinary call takes about 1.7 KB.'),
    whenSpent: z
      .enum(['refuse', 'admit'])
      .default('refuse')
      .describe(
        'What happens to calls while more is waiting. `refuse`: they are answered 503 `ledger_unavailable`, and the disk ' +
          'does not fill. `admit`: they are served and journalled, told by the metric `tollgate_ledger_backlog_spent`, ' +
          'until the disk is full.',
      ),
  })
  .prefault({})
  .describe('The budget of disk for records that the store has not taken yet, because it is down or slow.');

const archive = z
  .strictObject({
    after: duration({ atLeastMs: 0, atMostMs: 10 * years })
      .prefault('1d')
      .describe(
        'How long a file of the journal stays as it is once it is full and the store has all of it; then it is compressed ' +
          'to about a tenth.',
      ),
    keepFor: z
      .union([z.literal('forever').transform(() => null), duration({ atLeastMs: 86_400_000, atMostMs: 100 * years })])
      .prefault('forever')
      .describe(
        'How long archives are kept after that. Only with all of them can a store that was lost be made anew from the ' +
          'journal, so that the default removes none.',
      ),
  })
  .prefault({})
  .describe('Files of the journal that are done with.');

const keys = {
  ledger: z
    .strictObject({
      store: storeSetting,
      durability: z
        .enum(['process', 'disk'])
        .default('process')
        .describe(
          'When an entry counts. `process`: once it is written; it survives the death of the process while the volume ' +
            'survives. `disk`: once it is synced; it survives the death of the machine, and costs a disk write per turn.',
        ),
      segmentBytes: byteSize({ atLeast: 64 * 1024, atMost: 4 * 1024 ** 3 })
        .prefault('64MiB')
        .describe('The size at which the journal begins a new file.'),
      backlog,
      archive,
      adoptAfter: duration({ atLeastMs: 1_000, atMostMs: 3_600_000 })
        .prefault('60s')
        .describe(
          'Where several gateways keep their journals on one volume (PostgreSQL, and a replica name in the environment): ' +
            'how long one may stand still until another one takes its journal over and ships it.',
        ),
      logAnalytics,
      deliveredBytes: byteSize({ atLeast: 0, atMost: 64 * 1024 ** 2 })
        .prefault('256KiB')
        .describe(
          'How much of a delivered stream is kept, in memory and only until its usage arrives, to count what a broken ' +
            'call delivered.',
        ),
    })
    .prefault({})
    .describe('The ledger: one entry for every call to an upstream, written before the client is told the end.'),
};

export const ledgerConfig: ConfigSection<typeof keys> = {
  name: 'ledger',
  summary: 'How every call is recorded.',
  keys,
  references: [],
  check: ({ ledger }) => findingsOfStore(ledger?.store),
};
