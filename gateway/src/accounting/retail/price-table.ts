import type { DataZones, PricePlace } from '#accounting/cost/price-entry.ts';
import type { MappedPrice } from './read-meter.ts';

/** One price of the list where it holds, in the dimensions of our price entries. */
export interface TablePrice extends Omit<MappedPrice, 'regions' | 'meters' | 'meterName'> {
  readonly meter: string;
  /** Null holds everywhere. */
  readonly place: PricePlace | null;
  readonly meterIds: readonly string[];
  readonly meterNames: readonly string[];
}

/** Two prices of the list for one thing, from one day on. Neither is taken. */
export interface Ambiguity {
  readonly what: string;
  readonly region: string;
  readonly from: string;
  readonly meterNames: readonly string[];
}

export interface PriceTable {
  readonly prices: readonly TablePrice[];
  readonly ambiguous: readonly Ambiguity[];
}

/** What allows to say more than the list does: that a price holds in regions which the list does not name. */
export interface PlaceFacts {
  readonly zones: DataZones;
  readonly otherClouds: ReadonlySet<string>;
}

type Dimensions = Pick<TablePrice, 'model' | 'modelVersion' | 'type' | 'serviceTier' | 'minInputTokens' | 'meter'>;

/** Everything that a price depends on but place and time. */
export const dimensionKey = (one: Dimensions): string =>
  [one.model ?? '', one.modelVersion ?? '', one.type, one.serviceTier, one.minInputTokens, one.meter].join('|');

/** What one of our meters costs in one region from one day on. */
interface Single extends Omit<MappedPrice, 'meters' | 'regions'> {
  readonly meter: string;
  readonly region: string;
  readonly meterId: string;
}

interface Step {
  readonly from: string;
  readonly to: string | undefined;
  readonly amount: bigint;
  readonly meterIds: readonly string[];
  readonly meterNames: readonly string[];
}
/** What one thing costs in one region, over time; the earliest first. */
interface Chain {
  readonly region: string;
  readonly steps: readonly Step[];
}

/**
 * The prices of single regions as few prices. Regions that share amounts and days stand together. With facts about places,
 * what is global and costs the same in all its regions becomes one price for everywhere, and what costs the same in all
 * regions of a data zone one for the zone.
 */
export function tabulate(mapped: readonly MappedPrice[], facts: PlaceFacts | undefined): PriceTable {
  const prices: TablePrice[] = [];
  const ambiguous: Ambiguity[] = [];
  const single = mapped.flatMap(({ meters, regions, ...one }) =>
    meters.flatMap((meter) =>
      Object.entries(regions).map(([region, meterId]): Single => ({ ...one, meter, region, meterId })),
    ),
  );
  for (const [key, group] of Map.groupBy(single, dimensionKey)) {
    const chains: Chain[] = [];
    for (const [region, inRegion] of Map.groupBy(group, (one) => one.region)) {
      const chain = chainOf(inRegion);
      if ('meterNames' in chain) ambiguous.push({ what: key, region, ...chain });
      else chains.push({ region, steps: chain.steps });
    }
    const [first] = group;
    if (first === undefined) continue;
    const { meterId: _id, meterName: _name, region: _region, amount: _amount, ...dimensions } = first;
    for (const { place, steps } of placed(chains, first.type, facts)) {
      prices.push(...steps.map((step) => ({ ...dimensions, ...step, place })));
    }
  }
  return { prices, ambiguous };
}

function chainOf(
  group: readonly Single[],
): { readonly steps: readonly Step[] } | { readonly from: string; readonly meterNames: readonly string[] } {
  const steps: Step[] = [];
  const byDay = Map.groupBy(group, (one) => one.from);
  for (const from of [...byDay.keys()].toSorted()) {
    const items = byDay.get(from) ?? [];
    const [first] = items;
    if (first === undefined) continue;
    const meterNames = unique(items.map((one) => one.meterName));
    if (items.some((one) => one.amount !== first.amount)) return { from, meterNames };
    steps.push({
      from,
      to: endOf(items),
      amount: first.amount,
      meterIds: unique(items.map((one) => one.meterId).filter((id) => id !== '')),
      meterNames,
    });
  }
  return { steps };
}

/** Two meters for one thing: it holds as long as one of them does. */
function endOf(items: readonly Single[]): string | undefined {
  const ends = items.map((one) => one.to).filter((to) => to !== undefined);
  return ends.length < items.length ? undefined : ends.toSorted().at(-1);
}

const unique = (items: readonly string[]): readonly string[] => [...new Set(items)].toSorted();

interface Placed {
  readonly place: PricePlace | null;
  readonly steps: readonly Step[];
}

function placed(chains: readonly Chain[], type: string, facts: PlaceFacts | undefined): readonly Placed[] {
  const somewhere = chains.filter((chain) => chain.region !== '');
  const nowhere = chains
    .filter((chain) => chain.region === '')
    .flatMap(({ steps }): readonly Placed[] => [{ place: null, steps }]);
  if (facts !== undefined && type.startsWith('Global'))
    return [...nowhere, ...everywhere(somewhere, facts.otherClouds)];
  if (facts !== undefined && type.startsWith('DataZone')) return [...nowhere, ...byZones(somewhere, facts.zones)];
  return [...nowhere, ...byRegions(somewhere)];
}

function everywhere(chains: readonly Chain[], otherClouds: ReadonlySet<string>): readonly Placed[] {
  const ours = chains.filter((chain) => !otherClouds.has(chain.region));
  const merged = merge(ours);
  if (merged === undefined || ours.length === 0) return byRegions(chains);
  return [{ place: null, steps: merged }, ...byRegions(chains.filter((chain) => otherClouds.has(chain.region)))];
}

function byZones(chains: readonly Chain[], zones: DataZones): readonly Placed[] {
  const zoneOf = ({ region }: Chain): string => Object.keys(zones).find((zone) => zones[zone]?.includes(region)) ?? '';
  return [...Map.groupBy(chains, zoneOf)].flatMap(([zone, inside]): readonly Placed[] => {
    const merged = zone === '' ? undefined : merge(inside);
    return merged === undefined ? byRegions(inside) : [{ place: { kind: 'zone', name: zone }, steps: merged }];
  });
}

const stepKey = ({ from, to, amount }: Step): string => `${from} ${to ?? ''} ${amount}`;

/** Regions whose prices are the same from the same days on stand together. */
function byRegions(chains: readonly Chain[]): readonly Placed[] {
  const single = chains.flatMap(({ region, steps }) => steps.map((step) => ({ region, step })));
  return [...Map.groupBy(single, ({ step }) => stepKey(step)).values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    return [
      {
        place: { kind: 'regions' as const, names: unique(group.map((one) => one.region)) },
        steps: [
          union(
            group.map((one) => one.step),
            first.step,
          ),
        ],
      },
    ];
  });
}

/**
 * One chain for several regions: the same amounts, and after the first the same days. The first day may differ, as
 * models reach regions one by one: the earliest holds, and where the model was not there yet nobody called it.
 */
function merge(chains: readonly Chain[]): readonly Step[] | undefined {
  const [first] = chains;
  if (first === undefined) return [];
  const like = ({ steps }: Chain): string =>
    steps.map((step, at) => `${at === 0 ? '' : step.from} ${step.to ?? ''} ${step.amount}`).join(';');
  if (chains.some((chain) => like(chain) !== like(first))) return undefined;
  return first.steps.map((step, at) => {
    const all = chains.flatMap((chain) => chain.steps[at] ?? []);
    const [from = step.from] = all.map((one) => one.from).toSorted();
    return { ...union(all, step), from };
  });
}

function union(steps: readonly Step[], like: Step): Step {
  return {
    ...like,
    meterIds: unique(steps.flatMap((step) => step.meterIds)),
    meterNames: unique(steps.flatMap((step) => step.meterNames)),
  };
}
