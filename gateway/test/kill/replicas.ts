// Gateways' ledgers as processes of their own on one volume, which a test kills or lets stand still.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { StoredRecord } from '#accounting/ledger/ports.ts';
import { postgresUnderKills, type StoreUnderKills } from './stores.ts';

const script = fileURLToPath(new URL('../support/replica-child.ts', import.meta.url));
/** Long enough for a machine that is busy with other tests: a gateway that stands still for half of it has lost its journal. */
const adoptAfterMs = 12_000;
/** A frozen gateway may hold locks in the database, which ends its transaction after a minute. */
const longestMs = 300_000;

export interface Replica {
  readonly name: string;
  readonly process: ChildProcess;
  readonly opened: Set<string>;
  readonly settled: Set<string>;
  readonly refused: Set<string>;
  /** Resolves when it has settled so many. */
  hasSettled(count: number): Promise<void>;
  readonly ended: Promise<unknown>;
  /** What it said on standard error. */
  readonly log: () => string;
}

export interface Volume {
  readonly folder: string;
  readonly store: StoreUnderKills;
  readonly replicas: Replica[];
  /** `environment`: what this process has beside the others'. */
  start(name: string, environment?: Readonly<Record<string, string>>): Promise<Replica>;
}

export async function sharedVolume(context: TestContext): Promise<Volume> {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-replicas-'));
  const store = await postgresUnderKills();
  const replicas: Replica[] = [];
  context.after(async () => {
    for (const one of replicas) one.process.kill('SIGKILL');
    await Promise.all(replicas.map(async (one) => await one.ended));
    rmSync(folder, { recursive: true });
  });
  return {
    folder,
    store,
    replicas,
    async start(name, environment = {}) {
      const replica = await startReplica({ folder, store, name, environment });
      replicas.push(replica);
      return replica;
    },
  };
}

async function startReplica(at: {
  readonly folder: string;
  readonly store: StoreUnderKills;
  readonly name: string;
  readonly environment: Readonly<Record<string, string>>;
}): Promise<Replica> {
  const child = spawn(process.execPath, [script, at.folder, at.name, String(adoptAfterMs)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...at.store.environment, ...at.environment },
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  const ready = Promise.withResolvers<void>();
  const told = { opened: new Set<string>(), settled: new Set<string>(), refused: new Set<string>() };
  let waiting: { readonly count: number; resolve(): void } | undefined;
  createInterface({ input: child.stdout }).on('line', (line) => {
    const [word = '', id = ''] = line.split(' ');
    if (word === 'ready') ready.resolve();
    if (word === 'opened' || word === 'settled' || word === 'refused') told[word].add(id);
    if (waiting !== undefined && told.settled.size >= waiting.count) waiting.resolve();
  });
  const ended = once(child, 'close');
  await Promise.race([
    ready.promise,
    ended.then(() => {
      throw new Error(`${at.name} did not start: ${log}`);
    }),
  ]);
  return {
    name: at.name,
    process: child,
    ...told,
    hasSettled: async (count) =>
      await new Promise((resolve, reject) => {
        waiting = { count: told.settled.size + count, resolve };
        void ended.then(() => reject(new Error(`${at.name} ended: ${log}`)));
      }),
    ended,
    log: () => log,
  };
}

/** The folders that somebody has or waits for. */
export const foldersIn = (folder: string): readonly string[] =>
  readdirSync(join(folder, 'journal')).filter((name) => name !== 'done');

/** Looks again and again until it holds; says what there was where it never does. */
export async function until(shared: Volume, holds: (folders: readonly string[]) => boolean): Promise<void> {
  const signal = AbortSignal.timeout(longestMs);
  while (!holds(foldersIn(shared.folder))) {
    if (signal.aborted) {
      const logs = shared.replicas.map(({ name, log }) => `${name}:\n${log()}`).join('\n');
      throw new Error(`It never came to that: ${foldersIn(shared.folder).join()}\n${logs}`);
    }
    await setTimeout(20);
  }
}

export async function kill(replica: Replica): Promise<void> {
  replica.process.kill('SIGKILL');
  await replica.ended;
}

export async function end(replica: Replica): Promise<void> {
  replica.process.kill('SIGTERM');
  await replica.ended;
  assert.equal(replica.process.exitCode, 0);
}

/** Every call once: with its end where its caller was told so, otherwise with that or as lost. */
export async function assertAllOnce(volume: Volume): Promise<ReadonlyMap<string, StoredRecord>> {
  const records = await volume.store.records(volume.folder);
  const byId = new Map(records.map((one) => [one.id, one]));
  assert.equal(byId.size, records.length, 'nothing twice');
  for (const { name, opened, settled } of volume.replicas) {
    assert.ok(settled.size > 0, name);
    for (const id of opened) assert.ok(byId.has(id), `${id} is missing`);
    for (const id of settled) assert.equal(byId.get(id)?.outcome, 'completed', id);
    for (const id of opened)
      assert.ok(['completed', 'gateway-lost'].includes(byId.get(id)?.outcome ?? ''), `${id}: ${byId.get(id)?.outcome}`);
  }
  return byId;
}
