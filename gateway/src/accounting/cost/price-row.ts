import type { PriceEntry } from './price-entry.ts';

/** Prices that share everything but the meter, as the price files and the configuration have them once read. */
export interface PriceRowValues {
  readonly model: string;
  readonly modelVersion?: string | undefined;
  readonly type: PriceEntry['deploymentType'];
  readonly zone?: string | undefined;
  readonly region?: string | undefined;
  readonly regions?: readonly string[] | undefined;
  readonly serviceTier?: string | undefined;
  /** Left out: what the deployment type is for. */
  readonly mode?: 'online' | 'batch' | undefined;
  readonly minInputTokens?: number | undefined;
  readonly resolveBy?: 'deployment' | 'reportedModel' | undefined;
  /** `2026-03-17`, or UTC ms. */
  readonly effectiveFrom: string | number;
  readonly effectiveTo?: string | number | undefined;
  readonly source: string;
  /** By meter: tokens, `seconds`, `characters`. */
  readonly nanoUsdPerMillion?: Readonly<Record<string, number | bigint>> | undefined;
  /** By tool. */
  readonly nanoUsdPerCall?: Readonly<Record<string, number | bigint>> | undefined;
  /** By `<quality>/<size>`. */
  readonly nanoUsdPerImage?: Readonly<Record<string, number | bigint>> | undefined;
  /** Azure's ids, by meter. */
  readonly meterIds?: Readonly<Record<string, readonly string[]>> | undefined;
}

/** What a deployment type is called for: batch deployments take jobs and nothing else. */
export function modeOf(type: PriceEntry['deploymentType']): PriceEntry['mode'] {
  return type === 'GlobalBatch' || type === 'DataZoneBatch' ? 'batch' : 'online';
}

export const toMs = (moment: string | number): number =>
  typeof moment === 'number' ? moment : Date.parse(`${moment}T00:00:00Z`);

export const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

function placeOf({ region, regions, zone }: PriceRowValues): PriceEntry['place'] {
  if (zone !== undefined) return { kind: 'zone', name: zone };
  const names = regions ?? (region === undefined ? [] : [region]);
  return names.length === 0 ? null : { kind: 'regions', names: names.toSorted() };
}

/** The first name and how many more there are: with the rest of the id it can mean but one set of regions. */
function placeWords(place: PriceEntry['place']): string {
  if (place === null) return '';
  if (place.kind === 'zone') return `zone:${place.name}`;
  const [first = '', ...more] = place.names;
  return `region:${first}${more.length === 0 ? '' : `+${more.length}`}`;
}

const perMillion = 1_000_000n;

function amountsByMeter(row: PriceRowValues): readonly (readonly [string, bigint])[] {
  const each = (amounts: PriceRowValues['nanoUsdPerCall'], prefix: string): (readonly [string, bigint])[] =>
    Object.entries(amounts ?? {}).map(([name, amount]) => [`${prefix}${name}`, BigInt(amount) * perMillion]);
  return [
    ...Object.entries(row.nanoUsdPerMillion ?? {}).map(([meter, amount]) => [meter, BigInt(amount)] as const),
    ...each(row.nanoUsdPerCall, 'toolCall:'),
    ...each(row.nanoUsdPerImage, 'image:'),
  ];
}

/** One entry for each meter of the row. */
export function entriesOf(row: PriceRowValues, layer: PriceEntry['layer']): readonly PriceEntry[] {
  const place = placeOf(row);
  const from = toMs(row.effectiveFrom);
  const tier = row.serviceTier ?? 'default';
  const minInputTokens = row.minInputTokens ?? 0;
  const mode = row.mode ?? modeOf(row.type);
  // The parts of the id are the dimensions of the price, so that it names the same price in every release.
  const where = [
    layer,
    row.modelVersion === undefined ? row.model : `${row.model}@${row.modelVersion}`,
    row.type,
    placeWords(place),
    tier === 'default' ? '' : tier,
    mode === 'batch' ? 'batch' : '',
    minInputTokens === 0 ? '' : `from-${minInputTokens}`,
    row.resolveBy === 'reportedModel' ? 'reported' : '',
  ];
  return amountsByMeter(row).map(([meter, nanoUsdPerMillion]) => ({
    id: [...where.filter((part) => part !== ''), meter, dayOf(from)].join('/'),
    layer,
    model: row.model,
    modelVersion: row.modelVersion ?? null,
    deploymentType: row.type,
    place,
    serviceTier: tier,
    mode,
    minInputTokens,
    meter,
    nanoUsdPerMillion,
    effectiveFrom: from,
    effectiveTo: row.effectiveTo === undefined ? null : toMs(row.effectiveTo),
    resolveBy: row.resolveBy ?? 'deployment',
    source: row.source,
    meterIds: row.meterIds?.[meter] ?? [],
  }));
}
