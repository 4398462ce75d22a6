// How fast the outbox moves a backlog from the journal into each store, and the memory that takes:
//   node gateway/test/measure/drain-rate.ts [--records 200000] [--store sqlite --store postgres] [--rounds 3]
// One process writes the backlog while the store is shut out; another opens the ledger on it and is measured.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { openLedger, type LedgerOptions, type OpenLedger } from '#compose/ledger/ledger.ts';
import { systemClock } from '#kernel/clock.ts';
import { ulidSource } from '#kernel/ids.ts';
import { silentLog } from '#kernel/log.ts';
import { Metrics } from '#kernel/metrics.ts';
import { addressOf } from '../support/postgres-database.ts';
import { postgresServer } from '../support/postgres-server.ts';
import { openedAttempt, usageRecord } from '../support/records.ts';

const stores = ['sqlite', 'postgres'] as const;
type StoreName = (typeof stores)[number];

interface Figures {
  readonly records: number;
  readonly seconds: number;
  /** Processor time of the process, all of its threads; not that of a database server. */
  readonly cpuSeconds: number;
  readonly peakBytes: number;
}

async function open(dataFolder: string, options: Partial<LedgerOptions>): Promise<OpenLedger> {
  return await openLedger({
    dataFolder,
    durability: 'process',
    segmentBytes: 64 * 1024 * 1024,
    clock: systemClock,
    log: silentLog,
    metrics: new Metrics(),
    ...options,
  });
}

const parallel = 64;
const callers = 20;

/** Calls of twenty callers at two endpoints over four hours, one in fifty broken off. */
async function write(dataFolder: string, records: number): Promise<void> {
  writeFileSync(path.join(dataFolder, 'store-down'), '');
  const worker = new URL('../support/refusing-ledger-worker.ts', import.meta.url);
  const ledger = await open(dataFolder, { worker });
  const ids = ulidSource();
  const from = Date.now() - 4 * 3_600_000;
  const one = async (index: number): Promise<void> => {
    const at = from + Math.floor((index / records) * 4 * 3_600_000);
    const caller = index % callers;
    const record = usageRecord(ids(at), {
      at,
      requestId: ids(at),
      caller: { subscription: `subscription-${caller}`, consumer: `consumer-${caller}`, endUser: null },
      servedBy: { endpoint: index % 2 === 0 ? 'weu' : 'swc', region: index % 2 === 0 ? 'westeurope' : 'swedencentral' },
      ...(index % 50 === 0 ? ({ outcome: 'client-left', measuredOutput: 'delivered' } as const) : {}),
    });
    await ledger.ledger.open(openedAttempt(record));
    await ledger.ledger.settle(record);
  };
  for (let index = 0; index < records; index += parallel)
    await Promise.all(Array.from({ length: Math.min(parallel, records - index) }, (_one, lane) => one(index + lane)));
  await ledger.close();
  rmSync(path.join(dataFolder, 'store-down'));
}

async function drain(dataFolder: string, store: LedgerOptions['store']): Promise<Figures> {
  const before = process.cpuUsage();
  const began = performance.now();
  const ledger = await open(dataFolder, store === undefined ? {} : { store });
  const { settles } = ledger.recovered;
  while ((await ledger.lag()).records > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(before);
  const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  await ledger.close();
  return { records: settles, seconds, cpuSeconds: (user + system) / 1e6, peakBytes: Number(peak) * 1024 };
}

/** This file in a process of its own; resolves with what it sends. */
async function inChild(task: unknown): Promise<unknown> {
  const child = fork(new URL(import.meta.url), ['--task', JSON.stringify(task)]);
  const [message] = (await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(() => Promise.reject(new Error('A process of the measurement failed.'))),
  ])) as [unknown];
  if (child.exitCode === null) await once(child, 'exit');
  return message;
}

interface Task {
  readonly kind: 'write' | 'drain';
  readonly dataFolder: string;
  readonly records: number;
  readonly store?: LedgerOptions['store'];
}

async function runTask(task: Task): Promise<void> {
  const { kind, dataFolder, records, store } = task;
  process.send?.(kind === 'write' ? ((await write(dataFolder, records)) ?? true) : await drain(dataFolder, store));
}

async function measure(store: StoreName, records: number): Promise<Figures> {
  const dataFolder = mkdtempSync(path.join(tmpdir(), 'tollgate-drain-'));
  try {
    await inChild({ kind: 'write', dataFolder, records });
    const choice: LedgerOptions['store'] =
      store === 'sqlite'
        ? undefined
        : {
            kind: 'postgres',
            address: addressOf((await (await postgresServer()).createDatabase()).url),
            connections: 2,
            statementTimeoutMs: 30_000,
          };
    return (await inChild({ kind: 'drain', dataFolder, records, store: choice })) as Figures;
  } finally {
    rmSync(dataFolder, { recursive: true });
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      task: { type: 'string' },
      records: { type: 'string', default: '200000' },
      rounds: { type: 'string', default: '3' },
      store: { type: 'string', multiple: true },
    },
  });
  if (values.task !== undefined) return await runTask(JSON.parse(values.task) as Task);
  process.stdout.write(`${cpus().length} cores, Node ${process.version}\n`);
  for (const store of stores.filter((one) => values.store?.includes(one) ?? true))
    for (let round = 0; round < Number(values.rounds); round += 1) {
      const { records, seconds, cpuSeconds, peakBytes } = await measure(store, Number(values.records));
      process.stdout.write(
        `${store}: ${records} records in ${seconds.toFixed(1)} s = ${Math.round(records / seconds)} records/s, ` +
          `${((cpuSeconds / records) * 1e6).toFixed(0)} µs of processor a record, peak ${Math.round(peakBytes / 1e6)} MB\n`,
      );
    }
}

await main();
