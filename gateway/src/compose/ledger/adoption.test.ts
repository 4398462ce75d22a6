import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { MemoryLedgerStore } from '../../../test/support/memory-ledger-store.ts';
import { keepAdopting } from './adoption.ts';
import { silentLog } from '#kernel/log.ts';
import { until } from '../../../test/support/until.ts';

test('a journal that cannot be put away keeps no other waiting', async (context) => {
  const root = mkdtempSync(join(tmpdir(), 'tollgate-adoption-'));
  context.after(() => rmSync(root, { recursive: true }));
  for (const name of ['a', 'b', 'c']) mkdirSync(join(root, name));
  // Something is in its place, and rename refuses.
  for (const name of ['a', 'b']) {
    mkdirSync(join(root, 'done', `${name}~empty`), { recursive: true });
    writeFileSync(join(root, 'done', `${name}~empty`, 'kept'), '');
  }
  const clock = new ManualClock();
  const told: string[] = [];
  const adoption = keepAdopting({
    rules: { root, name: 'own', adoptAfterMs: 10_000 },
    store: new MemoryLedgerStore(),
    openSinks: () => [],
    clock,
    log: { ...silentLog, error: (_fields, message) => void told.push(message) },
  });
  adoption.start();
  await until(async () => {
    await setTimeout(10);
    clock.advance(1_000);
    return existsSync(join(root, 'done', 'c~empty'));
  }, 'the adoption of the third');
  await adoption.close();
  assert.ok(existsSync(join(root, 'done', 'c~empty')));
  assert.ok(told.every((message) => /cannot be adopted; trying again/.test(message)) && told.length >= 2, String(told));
});
