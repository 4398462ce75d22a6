import type { PriceFileRow, ProvisionedRow } from '#accounting/cost/list-prices.ts';
import type { PricePlace } from '#accounting/cost/price-entry.ts';
import type { TablePrice } from './price-table.ts';

export interface FileRows {
  readonly prices: readonly PriceFileRow[];
  readonly provisioned: readonly ProvisionedRow[];
}

const rowKey = (one: TablePrice): string =>
  JSON.stringify([
    one.model,
    one.modelVersion,
    one.type,
    one.place,
    one.serviceTier,
    one.minInputTokens,
    one.from,
    one.to,
  ]);

/** Prices of the table as rows of a price file: what shares everything but the meter stands in one. */
export function fileRows(prices: readonly TablePrice[], source: string): FileRows {
  const [units, ordinary] = [
    prices.filter((one) => one.meter === 'ptu'),
    prices.filter((one) => one.meter !== 'ptu' && one.model !== undefined),
  ];
  return {
    prices: [...Map.groupBy(ordinary, rowKey).values()].flatMap((group) => rowOf(group, source)),
    provisioned: units.map((one) => ({
      type: one.type,
      ...placeMembers(one.place),
      effectiveFrom: one.from,
      ...(one.to === undefined ? {} : { effectiveTo: one.to }),
      source,
      nanoUsdPerUnitHour: Number(one.amount),
      ...(one.meterIds.length === 0 ? {} : { meterIds: [...one.meterIds] }),
    })),
  };
}

function placeMembers(place: PricePlace | null): Pick<PriceFileRow, 'zone' | 'regions'> {
  if (place === null) return {};
  return place.kind === 'zone' ? { zone: place.name } : { regions: [...place.names] };
}

const meterOrder = ['input', 'cachedInput', 'cacheWriteInput', 'audioInput', 'imageInput', 'output', 'audioOutput'];
const byMeter = (a: TablePrice, b: TablePrice): number => meterOrder.indexOf(a.meter) - meterOrder.indexOf(b.meter);

function rowOf(group: readonly TablePrice[], source: string): readonly PriceFileRow[] {
  const [first] = group;
  if (first === undefined || first.model === undefined) return [];
  const amounts = (prefix: string): Record<string, number> =>
    Object.fromEntries(
      group
        .toSorted(byMeter)
        .filter((one) => (prefix === '' ? !one.meter.includes(':') : one.meter.startsWith(prefix)))
        .map((one) => [one.meter.slice(prefix.length), Number(one.amount)]),
    );
  const [perMillion, perCall, perImage] = [amounts(''), amounts('toolCall:'), amounts('image:')];
  const ids = group.filter((one) => one.meterIds.length > 0).map((one) => [one.meter, [...one.meterIds]]);
  return [
    {
      model: first.model,
      ...(first.modelVersion === undefined ? {} : { modelVersion: first.modelVersion }),
      type: first.type,
      ...placeMembers(first.place),
      ...(first.serviceTier === 'default' ? {} : { serviceTier: first.serviceTier }),
      ...(first.minInputTokens === 0 ? {} : { minInputTokens: first.minInputTokens }),
      effectiveFrom: first.from,
      ...(first.to === undefined ? {} : { effectiveTo: first.to }),
      source,
      ...(Object.keys(perMillion).length === 0 ? {} : { nanoUsdPerMillion: perMillion }),
      ...(Object.keys(perCall).length === 0 ? {} : { nanoUsdPerCall: perCall }),
      ...(Object.keys(perImage).length === 0 ? {} : { nanoUsdPerImage: perImage }),
      ...(ids.length === 0 ? {} : { meterIds: Object.fromEntries(ids) }),
    },
  ];
}

function listText(name: string, items: readonly object[]): string {
  const rows = items.map((one) => `    ${JSON.stringify(one)}`).join(',\n');
  return `  "${name}": [${rows === '' ? '' : `\n${rows}\n  `}]`;
}

/** The file's text: one row a line, so that two versions of it can be compared. */
export function priceFileText(file: {
  readonly comment: string;
  readonly sources: Readonly<Record<string, string>>;
  readonly zones: Readonly<Record<string, readonly string[]>>;
  readonly prices: readonly object[];
  readonly provisioned: readonly object[];
  readonly notPriced: readonly object[];
}): string {
  const { prices, provisioned, notPriced, ...head } = file;
  const opening = JSON.stringify(head, null, 2).replace(/\n\}$/, '');
  return `${opening},\n${[listText('prices', prices), listText('provisioned', provisioned), listText('notPriced', notPriced)].join(',\n')}\n}\n`;
}
