// A gateway's ledger among several on one volume, for tests that kill it or let it stand still.
//   replica-child.ts FOLDER NAME ADOPT-AFTER-MS      store: $TEST_DATABASE_URL
// Opens and settles attempts, telling every id, until it is killed or told to end.
import { writeSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { pino } from 'pino';
import { openLedger } from '../../src/compose/ledger/ledger.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { Metrics } from '../../src/kernel/metrics.ts';
import { addressOf } from './postgres-database.ts';
import { openedAttempt, usageRecord } from './records.ts';

const [dataFolder = '', name = '', adoptAfterMs = '1000'] = process.argv.slice(2);

/** Out of the process before it returns: what is told survives the kill. */
function tell(text: string): void {
  for (let rest = Buffer.from(`${text}\n`); rest.length > 0;) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error;
    }
  }
}

const opened = await openLedger({
  dataFolder,
  durability: 'process',
  segmentBytes: 64 * 1024,
  store: {
    kind: 'postgres',
    address: addressOf(process.env['TEST_DATABASE_URL'] ?? ''),
    connections: 2,
    statementTimeoutMs: 10_000,
  },
  replica: { name, adoptAfterMs: Number(adoptAfterMs) },
  clock: systemClock,
  log: pino({ base: null }, pino.destination(2)),
  metrics: new Metrics(),
});
const state = { ending: false };
process.on('SIGTERM', () => (state.ending = true));
tell('ready');

/** One call after the other; a refusal ends the lane, as it would send the caller to another gateway. */
async function lane(number: number): Promise<void> {
  for (let round = 0; !state.ending; round += 1) {
    const id = `${name}-${process.pid}-${number}-${round}`;
    const record = usageRecord(id, { at: Date.now() });
    try {
      await opened.ledger.open(openedAttempt(record));
      tell(`opened ${id}`);
      // As an upstream would: a store that is only overrun shows nothing.
      await setTimeout(10);
      await opened.ledger.settle(record);
      tell(`settled ${id}`);
    } catch (error) {
      tell(`refused ${id} ${String(error)}`);
      return;
    }
  }
}

await Promise.all([0, 1, 2, 3].map(async (number) => await lane(number)));
await opened.close();
tell('closed');
process.exit(0);
