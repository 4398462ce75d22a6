import { dayMs, quarterHourMs } from '#model/figures.ts';
import { columnOf, countMeasures, moneyMeasures } from '../sql/figure-columns.ts';
import type { RollUpChange, RollUpSums } from '../sql/roll-up-sums.ts';
import { arraysOf, namesOf, unnested, type Column } from './columns.ts';
import type { Statement, Transaction } from './open.ts';
import { toStored } from './text.ts';

type NameAndType = Pick<Column<never>, 'name' | 'type'>;

/** Adds to the rows with these keys, and makes those that are not there. */
function upsert(table: string, keys: readonly NameAndType[], amounts: readonly NameAndType[]): Statement {
  const columns = [...keys, ...amounts];
  const sums = amounts.map(({ name }) => `${name} = kept.${name} + excluded.${name}`).join(', ');
  return {
    name: `add-to-${table}`,
    text: `insert into ${table} as kept (${namesOf(columns)}) select * from ${unnested(columns)}
      on conflict (${namesOf(keys)}) do update set ${sums}`,
  };
}

const sumColumns: readonly Column<RollUpChange>[] = [
  ...countMeasures.map((one): Column<RollUpChange> => ({
    name: columnOf(one),
    type: 'bigint',
    value: ({ counts }) => counts[one],
  })),
  ...moneyMeasures.map((one): Column<RollUpChange> => ({
    name: columnOf(one),
    type: 'numeric',
    value: ({ money }) => money[one],
  })),
];

/** Roll-ups of one length of period. */
interface RollUpTable {
  readonly columns: readonly Column<RollUpChange>[];
  readonly statement: Statement;
}

function rollUpTable(period: 'day' | 'quarter', ms: number): RollUpTable {
  const keys: readonly Column<RollUpChange>[] = [
    { name: period, type: 'bigint', value: ({ place }) => Math.floor(place.at / ms) },
    { name: 'series', type: 'integer', value: ({ place }) => place.series },
    { name: 'outcome', type: 'text', value: ({ place }) => place.outcome },
  ];
  return { columns: [...keys, ...sumColumns], statement: upsert(`usage_${period}`, keys, sumColumns) };
}

const quarters = rollUpTable('quarter', quarterHourMs);
const days = rollUpTable('day', dayMs);

/** What is added to one row of cost lines. */
interface LineChange {
  readonly day: number;
  readonly series: number;
  readonly outcome: string;
  readonly layer: string;
  readonly meter: string;
  readonly priceId: string;
  readonly standing: number;
  readonly units: number;
  readonly nanoUsd: bigint;
}

const lineKeys: readonly Column<LineChange>[] = [
  { name: 'day', type: 'bigint', value: ({ day }) => day },
  { name: 'series', type: 'integer', value: ({ series }) => series },
  { name: 'outcome', type: 'text', value: ({ outcome }) => outcome },
  { name: 'layer', type: 'text', value: ({ layer }) => layer },
  { name: 'meter', type: 'text', value: ({ meter }) => toStored(meter) },
  { name: 'price_id', type: 'text', value: ({ priceId }) => toStored(priceId) },
  { name: 'standing', type: 'smallint', value: ({ standing }) => standing },
];
const lineAmounts: readonly Column<LineChange>[] = [
  { name: 'units', type: 'bigint', value: ({ units }) => units },
  { name: 'nano_usd', type: 'numeric', value: ({ nanoUsd }) => nanoUsd },
];
const lines = { columns: [...lineKeys, ...lineAmounts], statement: upsert('usage_line', lineKeys, lineAmounts) };

const byText = (one: string, other: string): number => (one < other ? -1 : Number(one > other));

function inOrder(changes: Iterable<RollUpChange>, periodMs: number): readonly RollUpChange[] {
  const period = (change: RollUpChange): number => Math.floor(change.place.at / periodMs);
  return [...changes].toSorted(
    (one, other) =>
      period(one) - period(other) ||
      one.place.series - other.place.series ||
      byText(one.place.outcome, other.place.outcome),
  );
}

function linesInOrder(one: LineChange, other: LineChange): number {
  return (
    one.day - other.day ||
    one.series - other.series ||
    byText(one.outcome, other.outcome) ||
    byText(one.layer, other.layer) ||
    byText(one.meter, other.meter) ||
    byText(one.priceId, other.priceId) ||
    one.standing - other.standing
  );
}

function linesOf({ place: { at, series, outcome }, lines: sums }: RollUpChange): readonly LineChange[] {
  const day = Math.floor(at / dayMs);
  return [...sums].map(({ layer, meter, priceId, standing, units, nanoUsd }) => ({
    day,
    series,
    outcome,
    layer,
    meter,
    priceId,
    standing,
    units,
    nanoUsd,
  }));
}

/** Every gateway takes the tables and their rows in the same order, so that none waits for another one in a circle. */
export async function addToRollUps(transaction: Transaction, sums: RollUpSums): Promise<void> {
  const ofQuarters = inOrder(sums.quarters(), quarterHourMs);
  if (ofQuarters.length === 0) return;
  await transaction.run(quarters.statement, arraysOf(quarters.columns, ofQuarters));
  const ofDays = inOrder(sums.days(), dayMs);
  await transaction.run(days.statement, arraysOf(days.columns, ofDays));
  const ofLines = ofDays.flatMap(linesOf).toSorted(linesInOrder);
  if (ofLines.length > 0) await transaction.run(lines.statement, arraysOf(lines.columns, ofLines));
}
