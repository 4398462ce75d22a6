// Everything that reports, statements and drill-downs ask of a store, over the generated records.
import type { LedgerStore } from '../../src/accounting/ledger/ports.ts';
import { dayMs, quarterHourMs, seriesDimensions, type FigureFilter } from '../../src/model/figures.ts';
import { figureSpans, lineSpans } from '../../src/accounting/reports/spans.ts';
import { generatedFrom, generatedTo } from './generated-records.ts';

export interface Question {
  readonly name: string;
  /**
   * `sums`: answered from roll-ups alone. `records`: from the records of the quarter-hours that stick out, and of what
   * only they know. `page`: as many rows as the page has.
   */
  readonly kind: 'sums' | 'records' | 'page';
  readonly ask: (store: LedgerStore) => Promise<unknown>;
}

const week = { from: generatedFrom, to: generatedTo };
const hour = 4 * quarterHourMs;
/** The week as it is in Amsterdam: days of the roll-ups do not begin with its days. */
const elsewhere = { from: generatedFrom + hour, to: generatedTo - 23 * hour };

const filters: readonly (readonly [name: string, filter: readonly FigureFilter[]])[] = [
  ['everything', []],
  ['a consumer', [{ dimension: 'consumer', values: ['few'] }]],
  ['a cost centre and what is below', [{ dimension: 'cost-centre', values: ['contoso'] }]],
  ['an outcome', [{ dimension: 'outcome', values: ['client-left'] }]],
  [
    'a region and an outcome of a consumer',
    [
      { dimension: 'region', values: ['westeurope'] },
      { dimension: 'outcome', values: ['completed', 'client-left'] },
      { dimension: 'consumer', values: ['many'] },
    ],
  ],
  ['nobody', [{ dimension: 'consumer', values: ['none'] }]],
];

const localDays = Array.from({ length: 6 }, (_one, day) => ({
  from: generatedFrom + hour + day * dayMs,
  to: generatedFrom + hour + (day + 1) * dayMs,
}));

const figures: readonly Question[] = [
  ...seriesDimensions.map((by): Question => ({
    name: `a week by ${by}`,
    kind: 'sums',
    ask: async (store) => await store.figures({ by: [by], filter: [], spans: figureSpans(week) }),
  })),
  ...filters.map(([name, filter]): Question => ({
    name: `a week of ${name}, by several dimensions`,
    kind: 'sums',
    ask: async (store) =>
      await store.figures({ by: ['consumer', 'model', 'outcome'], filter, spans: figureSpans(week) }),
  })),
  ...filters.map(([name, filter]): Question => ({
    name: `local days of ${name}, from quarter-hours and days`,
    kind: 'sums',
    ask: async (store) =>
      await store.figures({
        by: ['consumer'],
        filter,
        spans: localDays.flatMap((period, bucket) => figureSpans(period, bucket)),
      }),
  })),
  {
    name: 'a page of the rows of a week',
    kind: 'sums',
    ask: async (store) =>
      await store.figures({
        by: ['consumer', 'region'],
        filter: [],
        spans: figureSpans(elsewhere),
        page: { after: { bucket: 0, keys: ['few', 'swedencentral'] }, limit: 2 },
      }),
  },
  {
    name: 'all there is',
    kind: 'sums',
    ask: async (store) =>
      await store.figures({ by: ['consumer'], filter: [], spans: figureSpans({ from: null, to: null }) }),
  },
  {
    name: 'a period whose ends stick out of quarter-hours',
    kind: 'records',
    ask: async (store) =>
      await store.figures({
        by: ['consumer'],
        filter: [],
        spans: figureSpans({ from: generatedFrom + 60_000, to: generatedFrom + dayMs + 60_000 }),
      }),
  },
  {
    name: 'an hour by end user',
    kind: 'records',
    ask: async (store) =>
      await store.figures({
        by: ['end-user'],
        filter: [],
        spans: [{ from: generatedFrom, to: generatedFrom + hour, source: 'records', bucket: 0 }],
      }),
  },
];

const lines: readonly Question[] = [
  ...filters.map(([name, filter]): Question => ({
    name: `cost lines of a week of ${name}`,
    kind: 'sums',
    ask: async (store) => await store.lines({ filter, spans: lineSpans(week) }),
  })),
  {
    name: 'cost lines of a local day, its ends from records',
    kind: 'records',
    ask: async (store) =>
      await store.lines({
        filter: [],
        spans: lineSpans({ from: generatedFrom + dayMs - quarterHourMs, to: generatedFrom + 2 * dayMs }),
      }),
  },
];

const limit = 20;
const after = { at: generatedFrom + 2 * dayMs, id: 'id-1000000000' };

const pages: readonly Question[] = [
  ...filters.flatMap(([name, filter]): readonly Question[] =>
    [null, after].map((start) => ({
      name: `records of ${name}${start === null ? '' : ', a later page'}`,
      kind: 'page',
      ask: async (store) => await store.page({ filter, period: week, after: start, limit }),
    })),
  ),
  {
    name: 'records of all times of a consumer',
    kind: 'page',
    ask: async (store) =>
      await store.page({
        filter: [{ dimension: 'consumer', values: ['few'] }],
        period: { from: null, to: null },
        after: null,
        limit,
      }),
  },
  {
    name: 'records of an end user',
    kind: 'page',
    ask: async (store) =>
      await store.page({
        filter: [{ dimension: 'end-user', values: ['user-1', 'user-2'] }],
        period: week,
        after,
        limit,
      }),
  },
  {
    name: 'adjustments of a consumer',
    kind: 'page',
    ask: async (store) =>
      await store.pageOfAdjustments({
        filter: [{ dimension: 'consumer', values: ['few'] }],
        period: week,
        after: null,
        limit,
      }),
  },
  {
    name: 'attempts of a request',
    kind: 'page',
    ask: async (store) => await store.attemptsOf('request-1000000007'),
  },
  {
    name: 'records by their keys',
    kind: 'page',
    ask: async (store) => await store.find([{ at: generatedFrom, id: 'id-1000000000' }, after]),
  },
  { name: 'the values of a dimension', kind: 'page', ask: async (store) => await store.values('cost-centre') },
  { name: 'the extent of the ledger', kind: 'page', ask: async (store) => await store.extent() },
];

export const questions: readonly Question[] = [...figures, ...lines, ...pages];
export const pageLimit = limit;
