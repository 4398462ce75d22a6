import { parseJson } from '#kernel/json.ts';
import { deploymentTypes } from '#model/endpoint.ts';
import { z } from 'zod';
import type { DataZones, PriceEntry } from './price-entry.ts';
import { entriesOf, type PriceRowValues } from './price-row.ts';

const amounts = z.record(z.string(), z.int().nonnegative());

/** One row holds the meters of a model that share everything else. */
const rowSchema = z.strictObject({
  model: z.string(),
  modelVersion: z.string().optional(),
  type: z.enum(deploymentTypes),
  zone: z.string().optional(),
  regions: z.array(z.string()).min(1).optional(),
  serviceTier: z.string().optional(),
  minInputTokens: z.int().positive().optional(),
  resolveBy: z.enum(['deployment', 'reportedModel']).optional(),
  effectiveFrom: z.iso.date(),
  effectiveTo: z.iso.date().optional(),
  source: z.string(),
  note: z.string().optional(),
  nanoUsdPerMillion: amounts.optional(),
  nanoUsdPerCall: amounts.optional(),
  nanoUsdPerImage: amounts.optional(),
  meterIds: z.record(z.string(), z.array(z.string())).optional(),
});

/** What an hour of one provisioned throughput unit costs; the same for every model. */
const provisionedSchema = z.strictObject({
  type: z.enum(deploymentTypes),
  zone: z.string().optional(),
  regions: z.array(z.string()).min(1).optional(),
  effectiveFrom: z.iso.date(),
  effectiveTo: z.iso.date().optional(),
  source: z.string(),
  nanoUsdPerUnitHour: z.int().nonnegative(),
  meterIds: z.array(z.string()).optional(),
});

export const priceFileSchema = z.strictObject({
  comment: z.string(),
  sources: z.record(z.string(), z.string()),
  zones: z.record(z.string(), z.array(z.string())),
  prices: z.array(rowSchema),
  provisioned: z.array(provisionedSchema).default([]),
  notPriced: z
    .array(z.strictObject({ model: z.string(), type: z.string(), meters: z.array(z.string()), why: z.string() }))
    .default([]),
});
export type PriceFile = z.output<typeof priceFileSchema>;
export type PriceFileRow = PriceFile['prices'][number];
export type ProvisionedRow = PriceFile['provisioned'][number];
export type NotPriced = PriceFile['notPriced'][number];

export interface ListPrices {
  readonly entries: readonly PriceEntry[];
  readonly zones: DataZones;
  /** Hourly prices of provisioned throughput units. */
  readonly provisioned: readonly ProvisionedRow[];
  /** What was looked for and not confirmed, and why: shown to people, charged to nobody. */
  readonly notPriced: readonly NotPriced[];
}

/** What is wrong inside a file that has the right shape; empty where nothing is. */
export function problemsOf(file: PriceFile, zones: DataZones): readonly string[] {
  const rows = [...file.prices.entries()];
  return [
    ...rows.filter(([, row]) => file.sources[row.source] === undefined).map(([index, row]) => `prices[${index}] cites '${row.source}', which is not under \`sources\``),
    ...rows.filter(([, row]) => row.zone !== undefined && zones[row.zone] === undefined).map(([index, row]) => `prices[${index}] names the data zone '${row.zone}', which is not under \`zones\``),
    ...rows.filter(([, row]) => row.zone !== undefined && row.regions !== undefined).map(([index]) => `prices[${index}] is for a zone and for regions: it can be for one`),
    ...rows.filter(([, row]) => row.effectiveTo !== undefined && row.effectiveTo <= row.effectiveFrom).map(([index]) => `prices[${index}] ends before it begins`),
    ...rows.filter(([, row]) => entriesOf({ ...row }, 'list').length === 0).map(([index]) => `prices[${index}] prices nothing`),
  ];
}

/** The row with what its source stands for. */
export function rowValues(file: Pick<PriceFile, 'sources'>, row: PriceFileRow): PriceRowValues {
  return { ...row, source: file.sources[row.source] ?? row.source };
}

/** The list prices of a file that `problemsOf` has nothing to say about. */
export function listPricesOf(file: PriceFile): ListPrices {
  return {
    entries: file.prices.flatMap((row) => entriesOf(rowValues(file, row), 'list')),
    zones: file.zones,
    provisioned: file.provisioned,
    notPriced: file.notPriced,
  };
}

/** Reads the shipped `prices.json`; throws where it is not what it should be, which is a defect of the build. */
export function parseListPrices(text: string): ListPrices {
  const file = priceFileSchema.parse(parseJson(text));
  const [problem] = problemsOf(file, file.zones);
  if (problem !== undefined) throw new Error(`prices.json: ${problem}.`);
  return listPricesOf(file);
}
