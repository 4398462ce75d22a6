import type { RerateReply, RerateRow } from '@tollgate/contract/admin-api/adjustments.ts';
import { decimalsFor, grouped, usdFromNano } from '#output/money.ts';
import type { Column } from '#output/table.ts';

const sum = (one: string, other: string): string => String(BigInt(one) + BigInt(other));

const keyOf = ({ model, deploymentType, layer, meter, priceBefore, priceAfter }: RerateRow): string =>
  JSON.stringify([model, deploymentType, layer, meter, priceBefore, priceAfter]);

function addRows(one: readonly RerateRow[], other: readonly RerateRow[]): RerateRow[] {
  const rows = new Map(one.map((row) => [keyOf(row), row]));
  for (const row of other) {
    const known = rows.get(keyOf(row));
    rows.set(
      keyOf(row),
      known === undefined
        ? row
        : {
            ...known,
            records: known.records + row.records,
            unitsBefore: known.unitsBefore + row.unitsBefore,
            unitsAfter: known.unitsAfter + row.unitsAfter,
            nanoUsdBefore: sum(known.nanoUsdBefore, row.nanoUsdBefore),
            nanoUsdAfter: sum(known.nanoUsdAfter, row.nanoUsdAfter),
          },
    );
  }
  return [...rows.values()];
}

/** What two calls of one re-rating come to together. */
export function addReplies(one: RerateReply, other: RerateReply): RerateReply {
  return {
    ...other,
    looked: one.looked + other.looked,
    changed: one.changed + other.changed,
    newlyPriced: one.newlyPriced + other.newlyPriced,
    newlyUnpriced: one.newlyUnpriced + other.newlyUnpriced,
    unknown: one.unknown + other.unknown,
    delta: {
      cost: sum(one.delta.cost, other.delta.cost),
      listCost: sum(one.delta.listCost, other.delta.listCost),
      internalCost: sum(one.delta.internalCost, other.delta.internalCost),
    },
    rows: addRows(one.rows, other.rows),
    reached: other.reached ?? one.reached,
  };
}

export function inOrder(rows: readonly RerateRow[]): readonly RerateRow[] {
  return rows.toSorted((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1));
}

type Side = 'Before' | 'After';
type Count = 'records' | 'unitsBefore' | 'unitsAfter';

const count = (title: string, name: Count): Column<RerateRow> => ({
  title,
  name,
  align: 'right',
  value: (row) => row[name],
  text: (row) => grouped(row[name]),
});

/** What has neither a contracted price nor a list price is unpriced; on the other layers, having none is no fault. */
const price = (title: string, side: Side): Column<RerateRow> => ({
  title,
  name: `price${side}`,
  value: (row) => row[`price${side}`],
  text: (row) => row[`price${side}`] ?? (row.layer === 'list' ? 'unpriced' : 'none'),
});

/** What has no price does not cost 0. */
const amountOf = (row: RerateRow, side: Side): string | null =>
  row[`price${side}`] === null ? null : row[`nanoUsd${side}`];

export function rerateColumns(rows: readonly RerateRow[]): readonly Column<RerateRow>[] {
  const decimals = decimalsFor(rows.flatMap((row) => [row.nanoUsdBefore, row.nanoUsdAfter]));
  const amount = (title: string, side: Side): Column<RerateRow> => ({
    title,
    name: `nanoUsd${side}`,
    align: 'right',
    value: (row) => amountOf(row, side),
    text: (row) => {
      const nano = amountOf(row, side);
      return nano === null ? '–' : usdFromNano(nano, decimals);
    },
  });
  return [
    { title: 'model', name: 'model', value: (row) => row.model },
    { title: 'deployment type', name: 'deploymentType', value: (row) => row.deploymentType },
    { title: 'layer', name: 'layer', value: (row) => row.layer },
    { title: 'meter', name: 'meter', value: (row) => row.meter },
    price('price before', 'Before'),
    price('price after', 'After'),
    count('records', 'records'),
    count('units before', 'unitsBefore'),
    count('units after', 'unitsAfter'),
    amount('USD before', 'Before'),
    amount('USD after', 'After'),
  ];
}

/** For people, units stand once, as long as they are the same. */
export function tableColumns(
  columns: readonly Column<RerateRow>[],
  rows: readonly RerateRow[],
): readonly Column<RerateRow>[] {
  const same = rows.every((row) => row.unitsBefore === row.unitsAfter || row.unitsBefore === 0);
  return same ? columns.filter((column) => column.name !== 'unitsBefore') : columns;
}

const signed = (nano: string): string => (BigInt(nano) > 0n ? `+${usdFromNano(nano)}` : usdFromNano(nano));

export function summary(reply: RerateReply): string {
  const { delta, dryRun } = reply;
  const unknown = reply.unknown === 0 ? '' : `, ${grouped(reply.unknown)} of unknown usage left as they are`;
  const changed = dryRun ? 'would be corrected' : 'corrected';
  return [
    `${grouped(reply.looked)} attempts looked at${unknown}; ${grouped(reply.changed)} ${changed}: ` +
      `${grouped(reply.newlyPriced)} newly priced, ${grouped(reply.newlyUnpriced)} newly unpriced.`,
    `Cost ${signed(delta.cost)} USD, at list prices ${signed(delta.listCost)} USD, ` +
      `at internal rates ${signed(delta.internalCost)} USD. Price book ${reply.priceBook}.`,
    ...(dryRun ? ['Nothing was booked: this was a dry run.'] : []),
  ]
    .map((line) => `${line}\n`)
    .join('');
}
