import type { ConfigSection } from '#kernel/config-section.ts';
import { byteSize } from '#kernel/config-values.ts';
import { z } from 'zod';

const keys = {
  ledger: z
    .strictObject({
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
  check: () => [],
};
