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

type Amount = 'nanoUsdBefore' | 'nanoUsdAfter';
type Count = 'records' | 'unitsBefore' | 'unitsAfter';

const count = (title: string, name: Count): Column<RerateRow> => ({
  title,
  name,
  align: 'right',
  value: (row) => row[name],
  text: (row) => grouped(row[name]),
});

const price = (title: string, name: 'priceBefore' | 'priceAfter'): Column<RerateRow> => ({
  title,
  name,
  value: (row) => row[name],
  text: (row) => row[name] ?? 'unpriced',
});

export function rerateColumns(rows: readonly RerateRow[]): readonly Column<RerateRow>[] {
  const decimals = decimalsFor(rows.flatMap((row) => [row.nanoUsdBefore, row.nanoUsdAfter]));
  const amount = (title: string, name: Amount): Column<RerateRow> => ({
    title,
    name,
    align: 'right',
    value: (row) => row[name],
    text: (row) => usdFromNano(row[name], decimals),
  });
  return [
    { title: 'model', name: 'model', value: (row) => row.model },
    { title: 'deployment type', name: 'deploymentType', value: (row) => row.deploymentType },
    { title: 'layer', name: 'layer', value: (row) => row.layer },
    { title: 'meter', name: 'meter', value: (row) => row.meter },
    price('price before', 'priceBefore'),
    price('price after', 'priceAfter'),
    count('records', 'records'),
    count('units before', 'unitsBefore'),
    count('units after', 'unitsAfter'),
    amount('USD before', 'nanoUsdBefore'),
    amount('USD after', 'nanoUsdAfter'),
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
