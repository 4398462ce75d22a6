import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { suite, test } from 'node:test';
import type { LineRow } from '#accounting/ledger/ports.ts';
import { lineStanding } from '#model/money.ts';
import { chargeSeries } from '../../../test/support/charges.ts';
import { exportRequest, restingSources } from '../../../test/support/export-request.ts';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import type { ExportSources } from './export.ts';
import { createExportService, type ExportPiece, type ExportService } from './export-service.ts';

const november = { from: Date.parse('2026-11-01T00:00:00Z'), to: Date.parse('2026-12-01T00:00:00Z') };

function lineOf(day: number, consumer: string): LineRow {
  return {
    day,
    series: { ...chargeSeries({ consumer }), stream: false, requestedModel: 'gpt-5.4-mini' },
    outcome: 'completed',
    layer: 'list',
    meter: 'input',
    priceId: 'list/gpt-5.4-mini/GlobalStandard/input/2026-03-17',
    standing: lineStanding.cost | lineStanding.layer,
    units: 1000n,
    nanoUsd: 750_000n,
  };
}

interface Made {
  readonly service: ExportService;
  readonly clock: ManualClock;
  /** The days that were asked for so far. */
  readonly days: readonly string[];
}

function made(consumers: number, fails = false): Made {
  const days: string[] = [];
  const clock = new ManualClock();
  const store: ExportSources['store'] = {
    async lines({ spans }) {
      const from = spans[0]?.from ?? 0;
      days.push(new Date(from).toISOString().slice(0, 10));
      if (fails) throw new Error('The disk is gone.');
      return await Promise.resolve(Array.from({ length: consumers }, (_one, at) => lineOf(from, `team-${at}`)));
    },
    figures: async () => await Promise.resolve([]),
    pageOfAdjustments: async () => await Promise.resolve([]),
    extent: async () => await Promise.resolve(november),
  };
  return { service: createExportService(restingSources(store), clock), clock, days };
}

async function readAll(service: ExportService, id: string): Promise<readonly ExportPiece[]> {
  const pieces: ExportPiece[] = [];
  for (;;) {
    const piece = await service.read(id);
    pieces.push(piece);
    if (piece.kind === 'end') return pieces;
  }
}

const request = exportRequest({ kind: 'csv', period: november, facts: { ...exportRequest().facts, timeZone: 'UTC' } });

suite('an export that is read piece by piece', () => {
  test('reads a day of the store when it is asked for it, and no sooner', async () => {
    const { service, days } = made(1);
    const id = service.open(request);
    await service.read(id);
    assert.deepEqual(days, []);
    await service.read(id);
    assert.deepEqual(days, ['2026-11-01']);
    await service.read(id);
    assert.deepEqual(days, ['2026-11-01', '2026-11-02']);
    service.close(id);
  });

  test('hands large days on in pieces, so that memory does not grow with them', async () => {
    const { service } = made(3000);
    const pieces = await readAll(service, service.open(request));
    const sizes = pieces.flatMap((piece) => (piece.kind === 'bytes' ? [piece.bytes.length] : []));
    assert.ok(sizes.length > 30, 'more pieces than days');
    assert.ok(Math.max(...sizes) < 70_000, String(Math.max(...sizes)));
  });

  test('ends with the sums, the size and the SHA-256 of what was handed out', async () => {
    const { service } = made(3);
    const pieces = await readAll(service, service.open(request));
    const bytes = Buffer.concat(pieces.flatMap((piece) => (piece.kind === 'bytes' ? [piece.bytes] : [])));
    const end = pieces.at(-1);
    assert.ok(end?.kind === 'end');
    assert.equal(end.bytes, bytes.length);
    assert.equal(end.sha256, createHash('sha256').update(bytes).digest('hex'));
    assert.equal(end.summary.rows, 90);
    assert.equal(end.summary.totals.cost, 90n * 750_000n);
  });

  test('is gone a minute after the last read', async () => {
    const { service, clock, days } = made(1);
    const id = service.open(request);
    await service.read(id);
    clock.advance(59_999);
    await service.read(id);
    clock.advance(60_000);
    await assert.rejects(service.read(id), /was not read for a minute/);
    assert.equal(days.length, 1);
  });

  test('asks the store for nothing more when it is closed', async () => {
    const { service, days } = made(1);
    const id = service.open(request);
    await service.read(id);
    service.close(id);
    service.close(id);
    await assert.rejects(service.read(id), /is over/);
    assert.deepEqual(days, []);
  });

  test('looks for nothing where the store holds nothing, however long the period is', async () => {
    const { service, days } = made(1);
    const period = { from: Date.parse('0001-01-01T00:00:00Z'), to: Date.parse('9999-01-01T00:00:00Z') };
    const pieces = await readAll(service, service.open({ ...request, period }));
    assert.deepEqual([days.length, days[0], days.at(-1)], [30, '2026-11-01', '2026-11-30']);
    const end = pieces.at(-1);
    assert.ok(end?.kind === 'end');
    assert.equal(end.summary.rows, 30);
  });

  test('ends between two days where it is closed while a piece is being made of days without anything', async () => {
    const { service, days } = made(0);
    const id = service.open(request);
    await service.read(id);
    const reading = service.read(id);
    while (days.length < 3) await new Promise((resolve) => setImmediate(resolve));
    service.close(id);
    await assert.rejects(reading, /is over/);
    assert.ok(days.length < 6, String(days));
  });

  test('fails once with what failed, and is gone then', async () => {
    const { service } = made(1, true);
    const id = service.open(request);
    await service.read(id);
    await assert.rejects(service.read(id), /The disk is gone/);
    await assert.rejects(service.read(id), /is over/);
  });

  test('knows several apart', async () => {
    const { service } = made(1);
    const [one, other] = [service.open(request), service.open({ ...request, kind: 'json' })];
    const [first, second] = await Promise.all([readAll(service, one), readAll(service, other)]);
    assert.ok(first.at(-1)?.kind === 'end' && second.at(-1)?.kind === 'end');
    assert.notDeepEqual(first.at(-1), second.at(-1));
  });
});
