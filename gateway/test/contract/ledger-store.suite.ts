import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import {
  StoreElsewhere,
  type Checkpoint,
  type LedgerStore,
  type LineRow,
  type RecordKey,
} from '../../src/accounting/ledger/ports.ts';
import {
  dayMs,
  figureDimensions,
  quarterHourMs,
  seriesDimensions,
  type FigureDimension,
  type FigureFilter,
  type Figures,
  type FigureSpan,
  type Period,
} from '../../src/model/figures.ts';
import { lineStanding, type CostLine, type PriceLayer } from '../../src/model/money.ts';
import type { UsageRecord } from '../../src/model/usage-record.ts';
import { adjusted, entriesOf, recordsArbitrary } from '../support/arbitrary-entries.ts';
import { MemoryLedgerStore } from '../support/memory-ledger-store.ts';
import { ledgerPagesContract } from './ledger-pages.suite.ts';
import { correction, march, posting, shippedRecord, storedRecord, usageRecord } from '../support/records.ts';

export interface OpenLedgerStore {
  readonly store: LedgerStore;
  /** The one without roll-ups, which every other is compared with. */
  readonly isReference?: boolean;
  /** Closes it and opens what it left, as a restart does. */
  reopen(): Promise<LedgerStore>;
  close(): Promise<void>;
}

const checkpointAt = (offset: number, instance = 'journal-1'): Checkpoint => ({
  instance,
  shipped: { segment: 2, offset },
  lowWater: { segment: 1, offset: 77 },
  settles: offset,
});
const everything: Period = { from: null, to: null };
const sources = ['records', 'quarters', 'days'] as const;

interface Asked {
  readonly source?: FigureSpan['source'];
  readonly by?: readonly FigureDimension[];
  readonly period?: Period;
  readonly filter?: readonly FigureFilter[];
}

/** Figures by their keys, joined with a space. */
async function rows(store: LedgerStore, asked: Asked): Promise<Map<string, Figures>> {
  const { source = 'quarters', by = ['consumer'], period = everything, filter = [] } = asked;
  const found = await store.figures({ by, filter, spans: [{ ...period, source, bucket: 0 }] });
  return new Map(
    found.map((row) => [row.keys.join(' '), row.figures] as const).toSorted(([one], [other]) => (one < other ? -1 : 1)),
  );
}

async function only(store: LedgerStore, source: FigureSpan['source'] = 'quarters'): Promise<Figures> {
  const [first, ...others] = (await rows(store, { source, by: [] })).values();
  assert.deepEqual(others, []);
  assert.ok(first !== undefined);
  return first;
}

/** Cost lines, each as one word, sorted. */
const showLines = (found: readonly LineRow[]): readonly string[] =>
  found
    .map(
      ({ day, series, outcome, layer, meter, priceId, standing, units, nanoUsd }) =>
        `${(day - march) / dayMs} ${series.caller.consumer} ${series.servedBy.endpoint} ${outcome} ${layer} ${meter} ${priceId} ${standing} ${units} ${nanoUsd}`,
    )
    .toSorted();

const lines = async (store: LedgerStore, source: FigureSpan['source'], filter: readonly FigureFilter[] = []) =>
  showLines(await store.lines({ filter, spans: [{ ...everything, source, bucket: 0 }] }));

const page = async (
  store: LedgerStore,
  asked: {
    readonly filter?: readonly FigureFilter[];
    readonly period?: Period;
    readonly after?: RecordKey | null;
    readonly limit?: number;
  } = {},
): Promise<string[]> =>
  (await store.page({ filter: [], period: everything, after: null, limit: 100, ...asked })).map((one) => one.id);

const unpriced: Partial<UsageRecord['cost']> = { lines: [], nanoUsd: null, unpriced: ['output'] };

/** 50 units of a meter. */
const lineOf = (layer: PriceLayer, meter: string, nanoUsd: bigint): CostLine => ({
  layer,
  meter,
  units: 50,
  priceId: `${layer}/${meter}`,
  nanoUsd,
});

/** What every store of the ledger has to do. `runs`: so many random ledgers are compared with the reference. */
export function ledgerStoreContract(
  name: string,
  open: () => Promise<OpenLedgerStore>,
  { runs = 40 }: { readonly runs?: number } = {},
): void {
  const withStore = async (run: (opened: OpenLedgerStore) => Promise<void>): Promise<void> => {
    const opened = await open();
    try {
      await run(opened);
    } finally {
      await opened.close();
    }
  };

  describe(`ledger store: ${name}`, () => {
    test('knows no checkpoint before anything was shipped', async () => {
      await withStore(async ({ store }) => {
        assert.equal(await store.checkpoint('journal-1'), null);
        assert.deepEqual(await store.journals(), []);
        assert.deepEqual(await page(store), []);
        assert.equal(await store.extent(), null);
        for (const source of sources) assert.deepEqual(await rows(store, { source }), new Map());
        assert.deepEqual(await store.figures({ by: [], filter: [], spans: [] }), []);
        assert.deepEqual(await store.lines({ filter: [], spans: [] }), []);
      });
    });

    test('gives records back as they were, and the checkpoint with them, after a restart too', async () => {
      await withStore(async (opened) => {
        const { store } = opened;
        const ordinary = usageRecord('a');
        const strange = usageRecord('b', {
          at: march + 1,
          stream: true,
          operation: 'responses',
          requestedModel: 'émoji 😀 "quoted" \\ \u0000',
          reservedNano: 9_223_372_036_854_775_807n,
          outcome: 'client-left',
          httpStatus: null,
          measuredInput: 'tokenized',
          measuredOutput: 'delivered',
          serviceTier: null,
          reportedModel: null,
          spilledFrom: 'ptu',
          upstreamRequestId: null,
          caller: { endUser: 'f00d' },
          servedBy: { modelVersion: null },
          units: {
            input: 9_007_199_254_740_991,
            cachedInput: null,
            reasoning: null,
            toolCalls: { web_search: 2, 'a"b': 1 },
            seconds: 12,
            characters: null,
            images: { 'high/1024x1024': 3 },
          },
          timing: { queueMs: 0.1 + 0.2, firstByteMs: null, upstreamMs: 1e-7, totalMs: 3 },
          cost: {
            pricing: 'ptu',
            lines: [{ layer: 'internal', meter: 'a "b"', units: 1, priceId: 'ü', nanoUsd: 9_223_372_036_854_775_807n }],
            nanoUsd: 9_007_199_254_740_993n,
            listNanoUsd: null,
            internalNanoUsd: 9_223_372_036_854_775_807n,
            unpriced: [],
          },
        });
        const empty = usageRecord('c', { at: march + 2, units: { toolCalls: { file_search: 0 } }, cost: unpriced });
        assert.equal(await store.append([ordinary, strange, empty].map(shippedRecord), checkpointAt(3)), 3);
        const again = await opened.reopen();
        assert.deepEqual(
          await again.page({ filter: [], period: everything, after: null, limit: 10 }),
          [ordinary, strange, empty].map(storedRecord),
        );
        assert.deepEqual(await again.checkpoint('journal-1'), checkpointAt(3));
        assert.deepEqual(
          await again.find([
            { at: march + 2, id: 'c' },
            { at: march, id: 'missing' },
            { at: march, id: 'a' },
          ]),
          [storedRecord(empty), null, storedRecord(ordinary)],
        );
        assert.deepEqual(await again.find([]), []);
      });
    });

    test('pages through records in the order of their admission', async () => {
      await withStore(async ({ store }) => {
        const records = ['b', 'a', 'c'].map((id) => usageRecord(id, { at: march + (id === 'c' ? 0 : 5) }));
        await store.append(records.map(shippedRecord), checkpointAt(1));
        assert.deepEqual(await page(store, { limit: 2 }), ['c', 'a']);
        assert.deepEqual(await page(store, { after: { at: march + 5, id: 'a' }, limit: 2 }), ['b']);
        assert.deepEqual(await page(store, { period: { from: march + 1, to: null } }), ['a', 'b']);
        assert.deepEqual(await page(store, { period: { from: null, to: march + 5 } }), ['c']);
      });
    });

    test('holds a record once, however often it is shipped, and only moves the checkpoint on', async () => {
      await withStore(async ({ store }) => {
        const record = usageRecord('a');
        assert.equal(await store.append([record, record].map(shippedRecord), checkpointAt(1)), 1);
        assert.equal(await store.append([shippedRecord(record)], checkpointAt(2)), 0);
        const figures = await only(store);
        assert.equal(figures.attempts, 1n);
        assert.equal(figures.requests, 1n);
        assert.equal(figures.input, 1000n);
        assert.equal(figures.cost, 260_000n);
        assert.equal((await store.checkpoint('journal-1'))?.settles, 2);
      });
    });

    test('lets one gateway at a time do a piece of work', async () => {
      await withStore(async ({ store }) => {
        assert.equal(await store.lease('allocation', 'journal-1', 60_000), true);
        assert.equal(await store.lease('allocation', 'journal-2', 60_000), false);
        assert.equal(await store.lease('allocation', 'journal-1', 60_000), true);
        assert.equal(await store.lease('correction', 'journal-2', 60_000), true);
        // Given back.
        assert.equal(await store.lease('allocation', 'journal-1', 0), true);
        assert.equal(await store.lease('allocation', 'journal-2', 60_000), true);
        assert.equal(await store.lease('allocation', 'journal-1', 60_000), false);
      });
    });

    test('adds nothing where it does not stand at the place that the batch follows', async () => {
      await withStore(async ({ store }) => {
        const entries = ['a', 'b', 'c'].map((id) => shippedRecord(usageRecord(id)));
        await assert.rejects(
          store.append(entries.slice(0, 1), checkpointAt(1), checkpointAt(0).shipped),
          StoreElsewhere,
        );
        await store.append(entries.slice(0, 1), checkpointAt(1));
        assert.equal(await store.append(entries.slice(1, 2), checkpointAt(2), checkpointAt(1).shipped), 1);
        await assert.rejects(store.append(entries.slice(2), checkpointAt(3), checkpointAt(1).shipped), StoreElsewhere);
        assert.deepEqual(await store.checkpoint('journal-1'), checkpointAt(2));
        assert.equal(await store.append(entries, checkpointAt(3), checkpointAt(2).shipped), 1);
        assert.equal(await store.wrongRollUps(), 0);
      });
    });

    test('moves the checkpoint without records', async () => {
      await withStore(async ({ store }) => {
        assert.equal(await store.append([], checkpointAt(9)), 0);
        assert.deepEqual(await store.checkpoint('journal-1'), checkpointAt(9));
      });
    });

    test('adds unknown units and costs to nothing, and says how many costs are known', async () => {
      await withStore(async ({ store }) => {
        await store.append(
          [
            usageRecord('a', {
              units: { input: null, cachedInput: null, output: null, reasoning: null },
              cost: unpriced,
            }),
            usageRecord('b'),
          ].map(shippedRecord),
          checkpointAt(1),
        );
        const figures = await only(store);
        assert.equal(figures.input, 1000n);
        assert.equal(figures.output, 50n);
        assert.equal(figures.attempts, 2n);
        assert.equal(figures.pricedAttempts, 1n);
        assert.equal(figures.cost, 260_000n);
        assert.equal(figures.unpricedRequests, 1n);
      });
    });

    test('adds costs up exactly beyond 2^53 and beyond 2^63', async () => {
      await withStore(async ({ store }) => {
        const cost = 9_223_372_036_854_775_807n;
        await store.append(
          [0, 1, 2].map((day) =>
            shippedRecord(
              usageRecord(`big-${day}`, { at: march + day * 86_400_000, cost: { lines: [], nanoUsd: cost } }),
            ),
          ),
          checkpointAt(1),
        );
        assert.equal((await only(store)).cost, 3n * cost);
        for (const source of sources) assert.equal((await only(store, source)).cost, 3n * cost, source);
      });
    });

    for (const order of [
      ['first', 'second', 'third'],
      ['third', 'second', 'first'],
      ['second', 'third', 'first'],
    ])
      for (const batched of [true, false])
        test(`counts a retried request once, arriving as ${order.join(', ')} in ${batched ? 'one batch' : 'three'}`, async () => {
          await withStore(async ({ store }) => {
            const attempts: Record<string, UsageRecord> = {
              first: usageRecord('first', { requestId: 'r', attempt: 1, servedBy: { deployment: 'one' } }),
              second: usageRecord('second', {
                requestId: 'r',
                attempt: 2,
                at: march + quarterHourMs,
                servedBy: { deployment: 'two' },
                cost: unpriced,
                measuredOutput: 'delivered',
              }),
              third: usageRecord('third', {
                requestId: 'r',
                attempt: 3,
                at: march + 2 * quarterHourMs,
                servedBy: { deployment: 'three' },
                cost: unpriced,
                measuredInput: 'estimated',
                measuredOutput: 'unknown',
              }),
            };
            const records = order.flatMap((one) => attempts[one] ?? []).map(shippedRecord);
            if (batched) await store.append(records, checkpointAt(3));
            else for (const [at, one] of records.entries()) await store.append([one], checkpointAt(at + 1));
            for (const source of sources) {
              const found = await rows(store, { source, by: ['deployment'] });
              const seen = [...found].map(([key, figures]) => [
                key,
                Number(figures.requests),
                Number(figures.attempts),
                Number(figures.unpricedRequests),
                Number(figures.deliveredOnlyRequests),
                Number(figures.unknownUsageRequests),
                Number(figures.estimatedRequests),
              ]);
              assert.deepEqual(
                seen,
                [
                  ['contoso-weu/one', 1, 1, 0, 0, 0, 0],
                  ['contoso-weu/three', 0, 1, 0, 0, 1, 1],
                  ['contoso-weu/two', 0, 1, 1, 1, 0, 0],
                ],
                source,
              );
            }
            assert.equal(await store.wrongRollUps(), 0);
          });
        });

    test('limits figures to a period, its end excluded', async () => {
      await withStore(async ({ store }) => {
        const times = [0, quarterHourMs - 1, quarterHourMs, 2 * quarterHourMs];
        await store.append(
          times.map((time) => shippedRecord(usageRecord(`at-${time}`, { at: march + time }))),
          checkpointAt(4),
        );
        const count = async (source: FigureSpan['source'], from: number | null, to: number | null) =>
          (await rows(store, { source, period: { from, to } })).get('marketing')?.attempts ?? 0n;
        for (const source of ['records', 'quarters'] as const) {
          assert.equal(await count(source, null, march + quarterHourMs), 2n);
          assert.equal(await count(source, march + quarterHourMs, null), 2n);
          assert.equal(await count(source, march + quarterHourMs, march + 2 * quarterHourMs), 1n);
          assert.equal(await count(source, march - quarterHourMs, march), 0n);
        }
        assert.equal(await count('records', march + 1, march + quarterHourMs), 1n);
        assert.equal(await count('records', march + 1, march + quarterHourMs + 1), 2n);
        assert.equal(await count('days', march, march + dayMs), 4n);
        assert.equal(await count('days', march - dayMs, march), 0n);
        assert.deepEqual(await store.extent(), { from: march, to: march + 3 * quarterHourMs });
      });
    });

    test('puts spans of any source into their buckets, in one answer', async () => {
      await withStore(async ({ store }) => {
        const times = [0, quarterHourMs, dayMs, dayMs + 1, 2 * dayMs];
        await store.append(
          times.map((time) => shippedRecord(usageRecord(`at-${time}`, { at: march + time }))),
          checkpointAt(4),
        );
        const found = await store.figures({
          by: ['consumer', 'outcome'],
          filter: [],
          spans: [
            { source: 'records', from: march + 1, to: march + quarterHourMs, bucket: 3 },
            { source: 'quarters', from: march + quarterHourMs, to: march + dayMs, bucket: 3 },
            { source: 'days', from: march + dayMs, to: march + 2 * dayMs, bucket: 3 },
            { source: 'records', from: march + 2 * dayMs, to: null, bucket: 5 },
          ],
        });
        assert.deepEqual(
          found
            .map(({ keys, bucket, figures }) => [...keys, bucket, figures.attempts])
            .toSorted((one, other) => Number(one[2]) - Number(other[2])),
          [
            ['marketing', 'completed', 3, 3n],
            ['marketing', 'completed', 5, 1n],
          ],
        );
      });
    });

    test('filters by every dimension, by several values, and by a cost centre with all below it', async () => {
      await withStore(async ({ store }) => {
        const other = {
          at: march + 1,
          outcome: 'client-left' as const,
          operation: 'responses' as const,
          caller: { consumer: 'f', costCentrePath: 'contoso/fin/eu', product: 'l', subscription: 'c', endUser: 'f00d' },
          servedBy: {
            endpoint: 'swc',
            resource: 'contoso-swc',
            region: 'swedencentral',
            deployment: 'large',
            deploymentType: 'Standard',
            model: 'gpt-5.4',
          },
        };
        const odd = { at: march + 2, caller: { costCentrePath: 'contoso/fin_ance', consumer: "o'%_\\" } };
        await store.append(
          [usageRecord('a'), usageRecord('b', other), usageRecord('c', odd)].map(shippedRecord),
          checkpointAt(1),
        );
        const cases: [FigureFilter, string[]][] = [
          [{ dimension: 'consumer', values: ['f'] }, ['b']],
          [{ dimension: 'consumer', values: ['f', 'marketing'] }, ['a', 'b']],
          [{ dimension: 'consumer', values: ["o'%_\\"] }, ['c']],
          [{ dimension: 'consumer', values: ['%'] }, []],
          [{ dimension: 'consumer', values: [] }, []],
          [{ dimension: 'cost-centre', values: ['contoso'] }, ['a', 'b', 'c']],
          [{ dimension: 'cost-centre', values: ['contoso/fin'] }, ['b']],
          [{ dimension: 'cost-centre', values: ['contoso/fin/eu'] }, ['b']],
          [{ dimension: 'cost-centre', values: ['fin'] }, ['b']],
          [{ dimension: 'cost-centre', values: ['eu'] }, ['b']],
          [{ dimension: 'cost-centre', values: ['fi'] }, []],
          [{ dimension: 'product', values: ['l'] }, ['b']],
          [{ dimension: 'subscription', values: ['c'] }, ['b']],
          [{ dimension: 'model', values: ['gpt-5.4'] }, ['b']],
          [{ dimension: 'endpoint', values: ['swc'] }, ['b']],
          [{ dimension: 'deployment', values: ['contoso-swc/large'] }, ['b']],
          [{ dimension: 'resource', values: ['contoso-swc'] }, ['b']],
          [{ dimension: 'deployment-type', values: ['Standard'] }, ['b']],
          [{ dimension: 'region', values: ['swedencentral'] }, ['b']],
          [{ dimension: 'operation', values: ['responses'] }, ['b']],
          [{ dimension: 'outcome', values: ['client-left'] }, ['b']],
          [{ dimension: 'end-user', values: ['f00d'] }, ['b']],
          [{ dimension: 'end-user', values: [''] }, ['a', 'c']],
        ];
        for (const [filter, ids] of cases) {
          const what = JSON.stringify(filter);
          assert.deepEqual(await page(store, { filter: [filter] }), ids, what);
          for (const source of filter.dimension === 'end-user' ? (['records'] as const) : sources) {
            const found = await rows(store, { source, by: [], filter: [filter] });
            assert.equal(found.get('')?.attempts ?? 0n, BigInt(ids.length), `${what} ${source}`);
          }
          assert.equal((await lines(store, 'records', [filter])).length > 0, ids.length > 0, what);
        }
        const both: FigureFilter[] = [
          { dimension: 'cost-centre', values: ['contoso'] },
          { dimension: 'outcome', values: ['completed'] },
        ];
        assert.deepEqual(await page(store, { filter: both }), ['a', 'c']);
        assert.deepEqual(await page(store, { filter: both, after: { at: march, id: 'a' }, limit: 1 }), ['c']);
      });
    });

    test('refuses to answer for end users or journals from roll-ups, which know neither', async () => {
      await withStore(async ({ store, isReference }) => {
        if (isReference === true) return;
        const spans = [{ ...everything, source: 'days' as const, bucket: 0 }];
        const filter = [{ dimension: 'end-user' as const, values: ['x'] }];
        await assert.rejects(store.figures({ by: ['end-user'], filter: [], spans }), TypeError);
        await assert.rejects(store.figures({ by: [], filter, spans }), TypeError);
        await assert.rejects(store.figures({ by: [], filter: [], spans, instance: 'journal-1' }), TypeError);
        await assert.rejects(store.lines({ filter, spans }), TypeError);
      });
    });

    test('adds cost lines up by day, series, outcome, layer, meter and price', async () => {
      await withStore(async ({ store }) => {
        const line = {
          layer: 'list' as const,
          meter: 'input',
          units: 600,
          priceId: 'p',
          nanoUsd: 9_000_000_000_000_000_000n,
        };
        const internal = { ...line, layer: 'internal' as const };
        await store.append(
          [
            usageRecord('a', { cost: { lines: [line] } }),
            usageRecord('b', { at: march + 5, requestedModel: 'alias', cost: { lines: [line, internal] } }),
            usageRecord('c', { at: march + dayMs, cost: { lines: [line] } }),
          ].map(shippedRecord),
          checkpointAt(1),
        );
        for (const source of ['records', 'days'] as const)
          assert.deepEqual(
            await lines(store, source),
            [
              '0 marketing weu completed internal input p 0 600 9000000000000000000',
              '0 marketing weu completed list input p 3 600 9000000000000000000',
              '0 marketing weu completed list input p 3 600 9000000000000000000',
              '1 marketing weu completed list input p 3 600 9000000000000000000',
            ],
            source,
          );
      });
    });

    test('lines add up to what figures say of every layer, whatever has a price', async () => {
      await withStore(async ({ store }) => {
        const both = [lineOf('list', 'input', 10n), lineOf('contracted', 'input', 8n), lineOf('list', 'output', 20n)];
        const costs: readonly Partial<UsageRecord['cost']>[] = [
          { lines: [lineOf('list', 'input', 10n), lineOf('list', 'output', 20n)], nanoUsd: 30n, listNanoUsd: 30n },
          { lines: both, nanoUsd: 28n, listNanoUsd: 30n },
          { lines: [...both, lineOf('internal', 'input', 5n)], nanoUsd: 28n, listNanoUsd: 30n, internalNanoUsd: null },
          {
            lines: [lineOf('contracted', 'input', 8n), lineOf('list', 'output', 20n)],
            nanoUsd: 28n,
            listNanoUsd: null,
          },
          { lines: [lineOf('list', 'input', 10n)], nanoUsd: null, listNanoUsd: null, unpriced: ['output'] },
          {
            lines: [lineOf('list', 'input', 10n), lineOf('internal', 'input', 5n), lineOf('internal', 'output', 6n)],
            nanoUsd: null,
            listNanoUsd: null,
            internalNanoUsd: 11n,
            unpriced: ['output'],
          },
          { pricing: 'ptu', lines: [], nanoUsd: 0n, listNanoUsd: 0n, internalNanoUsd: 0n },
          { lines: [], nanoUsd: null, listNanoUsd: null, unpriced: ['usage unknown'] },
        ];
        const records = costs.map((cost, index) => usageRecord(`r${index}`, { at: march + index, cost }));
        await store.append(records.map(shippedRecord), checkpointAt(1));
        const { cost, listCost, internalCost } = await only(store);
        assert.deepEqual([cost, listCost, internalCost], [114n, 90n, 11n]);
        for (const source of ['records', 'days'] as const) {
          const found = await store.lines({ filter: [], spans: [{ ...everything, source, bucket: 0 }] });
          const sum = (bit: number, layer?: PriceLayer): bigint =>
            found
              .filter((one) => (one.standing & bit) !== 0 && (layer === undefined || one.layer === layer))
              .reduce((total, one) => total + one.nanoUsd, 0n);
          assert.equal(sum(lineStanding.cost), cost, source);
          assert.equal(sum(lineStanding.layer, 'list'), listCost, source);
          assert.equal(sum(lineStanding.layer, 'internal'), internalCost, source);
          const withoutPrice = found.filter((one) => one.priceId === '');
          assert.deepEqual(
            withoutPrice.map(({ meter, units, nanoUsd }) => [meter, units, nanoUsd]),
            // What is charged inside is known of one of the two calls.
            [
              ['output', 50n, 0n],
              ['output', 50n, 0n],
            ],
            source,
          );
        }
        assert.equal(await store.wrongRollUps(), 0);
      });
    });

    test('adds cost lines up exactly beyond 2^63 where they are read from records', async () => {
      await withStore(async ({ store }) => {
        const nanoUsd = 9_223_372_036_854_775_807n;
        const cost = { lines: [{ layer: 'list' as const, meter: 'input', units: 1, priceId: 'p', nanoUsd }] };
        await store.append([shippedRecord(usageRecord('a', { cost }))], checkpointAt(1));
        const [row] = await store.lines({ filter: [], spans: [{ ...everything, source: 'records', bucket: 0 }] });
        assert.equal(row?.nanoUsd, nanoUsd);
      });
    });

    test('keeps the checkpoints and the records of several journals apart', async () => {
      await withStore(async ({ store }) => {
        await store.append([shippedRecord(usageRecord('a'))], checkpointAt(1));
        await store.append([shippedRecord(usageRecord('b', { at: march + 1 }))], checkpointAt(5, 'journal-2'));
        assert.deepEqual(await store.checkpoint('journal-1'), checkpointAt(1));
        assert.deepEqual(await store.checkpoint('journal-2'), checkpointAt(5, 'journal-2'));
        assert.equal(await store.checkpoint('journal-3'), null);
        assert.equal((await only(store)).attempts, 2n);
        const asked = { filter: [], period: everything, after: null, limit: 9 };
        const ofSecond = await store.page({ ...asked, instance: 'journal-2' });
        assert.deepEqual(
          ofSecond.map((one) => one.id),
          ['b'],
        );
        assert.deepEqual(await store.page({ ...asked, instance: 'journal-3' }), []);
        assert.deepEqual((await store.journals()).toSorted(), ['journal-1', 'journal-2']);
        const spans = [{ ...everything, source: 'records' as const, bucket: 0 }];
        const [figures] = await store.figures({ by: [], filter: [], spans, instance: 'journal-2' });
        assert.equal(figures?.figures.attempts, 1n);
      });
    });

    test('sums what calls may have cost beyond what is known as held, and lets a write-off take them back', async () => {
      await withStore(async ({ store }) => {
        const lost = usageRecord('a', {
          measuredOutput: 'unknown',
          reservedNano: 70n,
          cost: { lines: [], nanoUsd: null, listNanoUsd: null, unpriced: ['usage unknown'] },
        });
        await store.append([lost, usageRecord('b', { reservedNano: 9n })].map(shippedRecord), checkpointAt(1));
        for (const source of sources) assert.equal((await only(store, source)).held, 70n);
        const lowerBound = { measuredOutput: 'delivered', reservedNano: 260_007n } as const;
        const noPrice = { reservedNano: 5n, cost: { lines: [], nanoUsd: null, unpriced: ['output'] } };
        const rest = [usageRecord('c', lowerBound), usageRecord('d', noPrice)];
        await store.append(rest.map(shippedRecord), checkpointAt(3));
        for (const source of sources) assert.equal((await only(store, source)).held, 70n + 7n + 5n);
        const writeOff = correction(lost, { kind: 'write-off', postings: [posting(lost, { held: -70n })] });
        assert.equal(await store.append([adjusted(writeOff)], checkpointAt(4)), 1);
        for (const source of sources) assert.equal((await only(store, source)).held, 7n + 5n);
        assert.equal(await store.wrongRollUps(), 0);
      });
    });

    test('holds an adjustment once, gives it back as it was, and counts it where its postings say', async () => {
      await withStore(async (opened) => {
        const { store } = opened;
        const record = usageRecord('a', { caller: { endUser: 'f00d' } });
        const output = { meter: 'output', units: -50, priceId: 'p-output', nanoUsd: -100_000n };
        const line = { layer: 'list' as const, ...output, standing: lineStanding.cost | lineStanding.layer };
        const elsewhere = usageRecord('x', { caller: { consumer: 'finance' }, servedBy: { modelVersion: null } });
        const change = {
          cost: -40_000n,
          listCost: 1n,
          internalCost: 9_223_372_036_854_775_807n,
          held: -3n,
          pricedAttempts: -1,
          listPricedAttempts: 1,
          internalPricedAttempts: 2,
        };
        const booked = correction(record, {
          postings: [
            { ...posting(record, change), lines: [line] },
            { ...posting(elsewhere, { cost: 5n }), outcome: 'idle' },
          ],
        });
        const allocation = correction(record, { id: 'zzz', kind: 'allocation', of: null, at: march + 9, postings: [] });
        assert.equal(await store.append([shippedRecord(record), adjusted(booked)], checkpointAt(2)), 2);
        assert.equal(await store.append([adjusted(booked), adjusted(allocation)], checkpointAt(3)), 1);
        const again = await opened.reopen();
        assert.deepEqual(await again.findAdjustments(['zzz', 'missing', booked.id]), [allocation, null, booked]);
        assert.deepEqual(await again.findAdjustments([]), []);
        assert.deepEqual(await again.adjustmentsOf([{ at: record.at, id: 'a' }]), [booked]);
        assert.deepEqual(await again.adjustmentsOf([{ at: record.at, id: 'b' }]), []);
        assert.deepEqual(await again.adjustmentsOf([]), []);
        const everyPage = { filter: [], period: everything, after: null, limit: 9 };
        assert.deepEqual(await again.pageOfAdjustments(everyPage), [booked, allocation]);
        assert.deepEqual(await again.pageOfAdjustments({ ...everyPage, limit: 1 }), [booked]);
        assert.deepEqual(await again.pageOfAdjustments({ ...everyPage, after: booked }), [allocation]);
        assert.deepEqual(await again.pageOfAdjustments({ ...everyPage, period: { from: march + 1, to: null } }), [
          allocation,
        ]);
        for (const source of sources) {
          const found = await rows(again, { source, by: ['consumer', 'outcome'] });
          const marketing = found.get('marketing completed');
          assert.equal(marketing?.cost, 220_000n);
          assert.equal(marketing.listCost, 260_001n);
          assert.equal(marketing.internalCost, change.internalCost);
          assert.equal(marketing.held, -3n);
          assert.deepEqual(
            [
              marketing.attempts,
              marketing.pricedAttempts,
              marketing.listPricedAttempts,
              marketing.internalPricedAttempts,
            ],
            [1n, 0n, 2n, 2n],
          );
          assert.equal(found.get('finance idle')?.cost, 5n);
        }
        const byEndUser = await rows(again, { source: 'records', by: ['end-user'] });
        assert.equal(byEndUser.get('f00d')?.cost, 220_005n);
        for (const source of ['records', 'days'] as const)
          assert.deepEqual(await lines(again, source), [
            '0 marketing weu completed list cachedInput p-cached 3 400 10000',
            '0 marketing weu completed list input p-input 3 600 150000',
            '0 marketing weu completed list output p-output 3 0 0',
          ]);
        assert.equal(await again.wrongRollUps(), 0);
      });
    });

    for (const early of [true, false])
      test(`a correction moves the counts of its request, arriving ${early ? 'before' : 'after'} the record`, async () => {
        await withStore(async ({ store }) => {
          const first = usageRecord('first', {
            requestId: 'r',
            attempt: 1,
            cost: unpriced,
            servedBy: { deployment: 'one' },
          });
          const second = usageRecord('second', {
            requestId: 'r',
            attempt: 2,
            at: march + quarterHourMs,
            cost: unpriced,
            servedBy: { deployment: 'two' },
          });
          const nowPriced = correction(first, {
            qualifies: 1,
            postings: [posting(first, { cost: 9n, pricedAttempts: 1 })],
          });
          const records = [first, second].map(shippedRecord);
          const order = early ? [adjusted(nowPriced), ...records] : [...records, adjusted(nowPriced)];
          for (const [at, one] of order.entries()) await store.append([one], checkpointAt(at));
          const unpricedBy = async (): Promise<unknown> => {
            const found = await rows(store, { by: ['deployment'] });
            return [...found].map(([key, one]) => [key, Number(one.requests), Number(one.unpricedRequests)]);
          };
          assert.deepEqual(await unpricedBy(), [
            ['contoso-weu/one', 1, 0],
            ['contoso-weu/two', 0, 1],
          ]);
          assert.equal(await store.wrongRollUps(), 0);
          // Corrected once more: the price turned out to be wrong.
          const back = correction(first, { id: 'z', bookedAt: nowPriced.bookedAt + 1, qualifies: 3, postings: [] });
          await store.append([adjusted(back)], checkpointAt(9));
          assert.deepEqual(await unpricedBy(), [
            ['contoso-weu/one', 1, 1],
            ['contoso-weu/two', 0, 0],
          ]);
          assert.equal(await store.wrongRollUps(), 0);
        });
      });

    test('agrees with sums over the raw records, whatever arrives in whatever order and batches', async () => {
      await fc.assert(
        fc.asyncProperty(
          recordsArbitrary.chain((records) =>
            fc.tuple(
              fc.constant(records),
              fc.shuffledSubarray(records, { minLength: records.length }),
              fc.integer({ min: 1, max: 5 }),
            ),
          ),
          async ([records, arriving, batch]) => {
            const entries = entriesOf(arriving);
            const reference = new MemoryLedgerStore();
            await reference.append([...records.map(shippedRecord), ...entries], checkpointAt(1));
            await withStore(async ({ store }) => {
              for (let at = 0; at < entries.length; at += batch)
                await store.append(entries.slice(at, at + batch), checkpointAt(at));
              // Shipped a second time, as after a crash.
              await store.append(entries.slice(0, batch), checkpointAt(0));
              for (const source of sources)
                for (const by of source === 'records' ? figureDimensions : seriesDimensions)
                  for (const period of [everything, { from: march + dayMs, to: march + 2 * dayMs }])
                    assert.deepEqual(
                      await rows(store, { source, by: [by], period }),
                      await rows(reference, { source: 'records', by: [by], period }),
                      `${source} by ${by}`,
                    );
              for (const source of ['records', 'days'] as const)
                assert.deepEqual(await lines(store, source), await lines(reference, 'records'));
              assert.equal(await store.wrongRollUps(), 0);
            });
          },
        ),
        { numRuns: runs },
      );
    });

    ledgerPagesContract(withStore, runs);
  });
}
