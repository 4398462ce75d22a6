// Writes the data folder that gateway/test/contract/ledger-format.test.ts opens: `node make-ledger-format-fixture.ts FOLDER`.
// Run once for every format of journal or store, into a new folder `gateway/test/fixtures/ledger-format-N`; what a
// released version has written is never written again.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { openLedger } from '../../src/compose/ledger/ledger.ts';
import { silentLog } from '../../src/kernel/log.ts';
import { Metrics } from '../../src/kernel/metrics.ts';
import { ManualClock } from './manual-clock.ts';
import { correction, march, openedAttempt, usageRecord } from './records.ts';
import { plainSettings } from './report-sources.ts';

const [dataFolder] = process.argv.slice(2);
if (dataFolder === undefined) throw new Error('Usage: node make-ledger-format-fixture.ts FOLDER');

const unpriced = { lines: [], nanoUsd: null, unpriced: ['output'] };
const records = [
  usageRecord('ordinary'),
  usageRecord('streamed', {
    at: march + 900_000,
    stream: true,
    operation: 'responses',
    caller: { consumer: 'finance', costCentrePath: 'contoso/finance', endUser: 'f00d' },
    units: { toolCalls: { web_search: 2 } },
    cost: { nanoUsd: 9_007_199_254_740_993n },
  }),
  usageRecord('retried-1', { requestId: 'retried', outcome: 'timed-out', httpStatus: null, cost: unpriced }),
  usageRecord('retried-2', { requestId: 'retried', attempt: 2, servedBy: { modelVersion: null }, cost: unpriced }),
  usageRecord('broken-off', {
    at: march + 86_400_000,
    outcome: 'client-left',
    measuredInput: 'estimated',
    measuredOutput: 'delivered',
    units: { cachedInput: null, reasoning: null },
  }),
  usageRecord('refused', { outcome: 'refused-by-upstream', httpStatus: 429, reservedNano: 12n }),
];

const ledger = await openLedger({
  dataFolder,
  durability: 'process',
  segmentBytes: 4096,
  clock: new ManualClock(march),
  log: silentLog,
  metrics: new Metrics(),
});
await ledger.ledger.open(openedAttempt(usageRecord('never-settled', { at: march + 5 })));
for (const record of records) {
  await ledger.ledger.open(openedAttempt(record));
  await ledger.ledger.settle(record);
}
const [ordinary] = records;
if (ordinary !== undefined) await ledger.book([correction(ordinary, { bookedAt: march + 172_800_000 })]);
await ledger.reports.query({ by: 'day', waitMs: 10_000 }, plainSettings);
await ledger.close();
for (const leftover of ['lock.sqlite', 'lock-holder', 'reserve'])
  rmSync(join(dataFolder, 'journal', leftover), { force: true });
