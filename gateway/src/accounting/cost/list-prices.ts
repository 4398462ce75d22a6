import { parseJson } from '#kernel/json.ts';
import { deploymentTypes } from '#model/endpoint.ts';
import { z } from 'zod';
import type { DataZones, PriceEntry } from './price-entry.ts';

const amounts = z.record(z.string(), z.int().nonnegative());

/** One row holds the meters of a model that share everything else. */
const rowSchema = z.strictObject({
  model: z.string(),
  modelVersion: z.string().optional(),
  type: z.enum(deploymentTypes),
  zone: z.string().optional(),
  region: z.string().optional(),
  serviceTier: z.string().optional(),
  mode: z.enum(['online', 'batch']).optional(),
  minInputTokens: z.int().positive().optional(),
  resolveBy: z.enum(['deployment', 'reportedModel']).optional(),
  effectiveFrom: z.iso.date(),
  effectiveTo: z.iso.date().optional(),
  source: z.string(),
  note: z.string().optional(),
  nanoUsdPerMillion: amounts,
  nanoUsdPerCall: amounts.optional(),
});

const fileSchema = z.strictObject({
  comment: z.string(),
  sources: z.record(z.string(), z.string()),
  zones: z.record(z.string(), z.array(z.string())),
  prices: z.array(rowSchema),
  notPriced: z.array(
    z.strictObject({ model: z.string(), type: z.string(), meters: z.array(z.string()), why: z.string() }),
  ),
});

export interface ListPrices {
  readonly entries: readonly PriceEntry[];
  readonly zones: DataZones;
  /** What was looked for and not confirmed, and why: shown to people, charged to nobody. */
  readonly notPriced: z.output<typeof fileSchema>['notPriced'];
}

/** Reads the shipped `prices.json`; throws where it is not what it should be, which is a defect of the build. */
export function parseListPrices(text: string): ListPrices {
  const file = fileSchema.parse(parseJson(text));
  const entries = file.prices.flatMap((row) => {
    const source = file.sources[row.source];
    if (source === undefined) throw new Error(`prices.json cites '${row.source}', which is no source of it.`);
    if (row.zone !== undefined && file.zones[row.zone] === undefined) {
      throw new Error(`prices.json names the data zone '${row.zone}', which it does not describe.`);
    }
    return entriesOf({ ...row, source }, 'list');
  });
  return { entries, zones: file.zones, notPriced: file.notPriced };
}

/** A row of prices, as the shipped file and the configuration have it once read. */
export interface PriceRowValues {
  readonly model: string;
  readonly modelVersion?: string | undefined;
  readonly type: PriceEntry['deploymentType'];
  readonly zone?: string | undefined;
  readonly region?: string | undefined;
  readonly serviceTier?: string | undefined;
  readonly mode?: 'online' | 'batch' | undefined;
  readonly minInputTokens?: number | undefined;
  readonly resolveBy?: 'deployment' | 'reportedModel' | undefined;
  /** `2026-03-17`, or UTC ms. */
  readonly effectiveFrom: string | number;
  readonly effectiveTo?: string | number | undefined;
  readonly source: string;
  readonly nanoUsdPerMillion: Readonly<Record<string, number | bigint>>;
  readonly nanoUsdPerCall?: Readonly<Record<string, number | bigint>> | undefined;
}

const toMs = (moment: string | number): number =>
  typeof moment === 'number' ? moment : Date.parse(`${moment}T00:00:00Z`);

function placeOf({ region, zone }: PriceRowValues): PriceEntry['place'] {
  if (region !== undefined) return { kind: 'region', name: region };
  return zone === undefined ? null : { kind: 'zone', name: zone };
}

export function entriesOf(row: PriceRowValues, layer: PriceEntry['layer']): readonly PriceEntry[] {
  const place = placeOf(row);
  const from = toMs(row.effectiveFrom);
  const tier = row.serviceTier ?? 'default';
  const minInputTokens = row.minInputTokens ?? 0;
  const amountsByMeter: (readonly [string, bigint])[] = [
    ...Object.entries(row.nanoUsdPerMillion).map(([meter, amount]) => [meter, BigInt(amount)] as const),
    ...Object.entries(row.nanoUsdPerCall ?? {}).map(
      ([tool, amount]) => [`toolCall:${tool}`, BigInt(amount) * 1_000_000n] as const,
    ),
  ];
  // The parts of the id are the dimensions of the price, so that it names the same price in every release.
  const where = [
    layer,
    row.modelVersion === undefined ? row.model : `${row.model}@${row.modelVersion}`,
    row.type,
    place === null ? '' : `${place.kind}:${place.name}`,
    tier === 'default' ? '' : tier,
    row.mode === 'batch' ? 'batch' : '',
    minInputTokens === 0 ? '' : `from-${minInputTokens}`,
    row.resolveBy === 'reportedModel' ? 'reported' : '',
  ];
  return amountsByMeter.map(([meter, nanoUsdPerMillion]) => ({
    id: [...where.filter((part) => part !== ''), meter, new Date(from).toISOString().slice(0, 10)].join('/'),
    layer,
    model: row.model,
    modelVersion: row.modelVersion ?? null,
    deploymentType: row.type,
    place,
    serviceTier: tier,
    mode: row.mode ?? 'online',
    minInputTokens,
    meter,
    nanoUsdPerMillion,
    effectiveFrom: from,
    effectiveTo: row.effectiveTo === undefined ? null : toMs(row.effectiveTo),
    resolveBy: row.resolveBy ?? 'deployment',
    source: row.source,
  }));
}
