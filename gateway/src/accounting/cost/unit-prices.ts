import type { PtuListPrice } from '#model/ptu.ts';
import type { PricedEndpoint } from '#model/price-book.ts';
import type { ListPrices, ProvisionedRow } from './list-prices.ts';
import { dayOf, toMs } from './price-row.ts';

/** A region by name beats a data zone, that beats everywhere. */
function rank({ regions, zone }: ProvisionedRow): number {
  if (regions !== undefined) return 2;
  return zone === undefined ? 0 : 1;
}

function placeWords({ regions, zone }: ProvisionedRow, region: string): readonly string[] {
  if (regions !== undefined) return [`region:${region}`];
  return zone === undefined ? [] : [`zone:${zone}`];
}

/** The list prices of an hour of a unit of a deployment; see `PtuDeployment.listPrices`. */
export function unitPricesFor(
  { provisioned, zones }: Pick<ListPrices, 'provisioned' | 'zones'>,
  { deploymentType, region }: Pick<PricedEndpoint, 'deploymentType' | 'region'>,
): readonly PtuListPrice[] {
  const holds = (row: ProvisionedRow): boolean =>
    row.type === deploymentType &&
    (row.regions?.includes(region) ?? true) &&
    (row.zone === undefined || zones[row.zone]?.includes(region) === true);
  return provisioned
    .filter(holds)
    .toSorted((one, other) => rank(one) - rank(other) || (one.effectiveFrom < other.effectiveFrom ? -1 : 1))
    .map((row) => ({
      from: toMs(row.effectiveFrom),
      to: row.effectiveTo === undefined ? null : toMs(row.effectiveTo),
      nanoUsdPerUnitHour: BigInt(row.nanoUsdPerUnitHour),
      priceId: ['list', 'ptu', row.type, ...placeWords(row, region), dayOf(toMs(row.effectiveFrom))].join('/'),
    }));
}
