// A process that uses a ledger, for tests that kill it.
//   ledger-child.ts FOLDER hold              opens it and waits
//   ledger-child.ts FOLDER open ID…          opens attempts and kills itself, leaving them without a settle
//   ledger-child.ts FOLDER recover BYTES     is killed when the recovery's first write has written so many bytes
//   ledger-child.ts FOLDER load              opens and settles attempts until it is killed, telling every settled id
//   ledger-child.ts FOLDER crash             settles one attempt; the worker kills the process when it has shipped it
import { writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { openLedger, type LedgerOptions, type OpenLedger } from '../../src/compose/ledger/ledger.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLog } from '../../src/kernel/log.ts';
import { Metrics } from '../../src/kernel/metrics.ts';
import { openedAttempt, usageRecord } from './records.ts';

const [dataFolder = '', mode = '', ...words] = process.argv.slice(2);

function kill(): never {
  process.kill(process.pid, 'SIGKILL');
  throw new Error('The process should be dead.');
}

/** Out of the process before it returns: what is told survives the kill. */
function tell(text: string): void {
  for (let rest = Buffer.from(`${text}\n`); rest.length > 0;) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      // The pipe is full; whoever reads it will go on.
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error;
    }
  }
}

async function start(options: Partial<LedgerOptions> = {}): Promise<OpenLedger> {
  return await openLedger({
    dataFolder,
    durability: 'process',
    segmentBytes: 64 * 1024,
    clock: systemClock,
    log: silentLog,
    metrics: new Metrics(),
    ...options,
  });
}

/** Takes only the first bytes of the first write that holds settles, then ends the process. */
const cutFirstSettle: NonNullable<LedgerOptions['wrapFiles']> = (files) => ({
  ...files,
  append(segment) {
    const file = files.append(segment);
    return {
      ...file,
      write(bytes, offset) {
        file.write(bytes.subarray(0, Number(words[0])), offset);
        return kill();
      },
    };
  },
});

async function load(ledger: OpenLedger): Promise<never> {
  const one = async (id: string): Promise<void> => {
    const record = usageRecord(id, { at: Date.now() });
    await ledger.ledger.open(openedAttempt(record));
    tell(`opened ${id}`);
    await setImmediate();
    await ledger.ledger.settle(record);
    tell(`settled ${id}`);
  };
  for (let round = 0; ; round += 1)
    await Promise.all(Array.from({ length: 8 }, async (_, lane) => await one(`${words[0] ?? ''}-${round}-${lane}`)));
}

const modes: Record<string, () => Promise<unknown>> = {
  async hold() {
    await start();
    tell('ready');
    await new Promise(() => undefined);
  },
  async open() {
    const { ledger } = await start();
    await Promise.all(words.map(async (id) => await ledger.open(openedAttempt(usageRecord(id)))));
    kill();
  },
  recover: async () => await start({ wrapFiles: cutFirstSettle }),
  async load() {
    const ledger = await start();
    tell('ready');
    await load(ledger);
  },
  async crash() {
    const worker = new URL('./crashing-ledger-worker.ts', import.meta.url);
    const { ledger } = await start({ worker });
    writeFileSync(join(dataFolder, 'crash-process'), '');
    const record = usageRecord('shipped');
    await ledger.open(openedAttempt(record));
    await ledger.settle(record);
    await new Promise(() => undefined);
  },
};

try {
  await modes[mode]?.();
} catch (error) {
  tell(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
  process.exitCode = 1;
}
