import { jsonFault, parseJson } from '#kernel/json.ts';
import { deploymentTypes } from '#model/endpoint.ts';
import { z } from 'zod';
import type { DataZones, PriceEntry } from './price-entry.ts';
import { entriesOf } from './price-row.ts';

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

const priceFileSchema = z.strictObject({
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

/** Something that is wrong with a price file: where, and what to do about it. */
interface PriceFileProblem {
  /** From 1; 0 where the file as a whole is meant. */
  readonly line: number;
  readonly column: number;
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly fix: string;
}

type RowRule = readonly [broken: (row: PriceFileRow, file: RowFacts) => boolean, message: string, fix: string];
interface RowFacts {
  readonly sources: Readonly<Record<string, string>>;
  readonly zones: DataZones;
}

const rowRules: readonly RowRule[] = [
  [(row, { sources }) => sources[row.source] === undefined, 'its source is none of `sources`', 'Name one of them.'],
  [
    (row, { zones }) => row.zone !== undefined && zones[row.zone] === undefined,
    'there is no such data zone',
    'Name its regions.',
  ],
  [(row) => row.zone !== undefined && row.regions !== undefined, 'it is for a zone and for regions', 'Leave one out.'],
  [
    (row) => row.effectiveTo !== undefined && row.effectiveTo <= row.effectiveFrom,
    'it ends before it begins',
    'Correct one of the two days.',
  ],
  [(row) => entriesOf(row, 'list').length === 0, 'it prices nothing', 'Delete it, or add an amount.'],
];

/** Everything that is wrong inside a file that has the right shape. */
function rowProblems(file: PriceFile, zones: DataZones): readonly Omit<PriceFileProblem, 'line' | 'column'>[] {
  return file.prices.flatMap((row, index) =>
    rowRules
      .filter(([broken]) => broken(row, { sources: file.sources, zones }))
      .map(([, message, fix]) => ({ path: ['prices', index], message, fix })),
  );
}

/** The list prices of a file that has been found to be in order. */
export function listPricesOf(file: PriceFile): ListPrices {
  return {
    entries: file.prices.flatMap((row) =>
      entriesOf({ ...row, source: file.sources[row.source] ?? row.source }, 'list'),
    ),
    zones: file.zones,
    provisioned: file.provisioned,
    notPriced: file.notPriced,
  };
}

/** Reads the shipped `prices.json`; throws where it is not what it should be, which is a defect of the build. */
export function parseListPrices(text: string): ListPrices {
  const file = priceFileSchema.parse(parseJson(text));
  const [problem] = rowProblems(file, file.zones);
  if (problem !== undefined) throw new Error(`prices.json: ${problem.path.join('.')}: ${problem.message}.`);
  return listPricesOf(file);
}

export type ReadPriceFile =
  | { readonly ok: true; readonly file: PriceFile }
  | { readonly ok: false; readonly problems: readonly PriceFileProblem[] };

/** Reads a price file that may be anything: whoever wrote it may have been interrupted. Never throws. */
export function readPriceFile(text: string, zones: DataZones): ReadPriceFile {
  const fault = jsonFault(text);
  if (fault !== undefined) {
    const whole = /^\s*\{/.test(text);
    const message = whole ? 'the file is not whole: here it stops being JSON' : 'the file is not JSON';
    return { ok: false, problems: [{ ...fault, path: [], message, fix: syncAgain }] };
  }
  const parsed = priceFileSchema.safeParse(parseJson(text));
  const found = parsed.success
    ? rowProblems(parsed.data, zones)
    : parsed.error.issues.map((issue) => ({
        path: issue.path.filter((part) => typeof part !== 'symbol'),
        message: issue.message,
        fix: 'Correct it.',
      }));
  if (parsed.success && found.length === 0) return { ok: true, file: parsed.data };
  return { ok: false, problems: found.map((one) => ({ ...one, line: lineOf(text, one.path), column: 1 })) };
}

const syncAgain = 'Put back the version of before, or delete it and run `tollgate prices sync` again.';

/** A price file has one row a line; 0 where it was laid out otherwise. */
function lineOf(text: string, [list, index]: readonly (string | number)[]): number {
  if (typeof list !== 'string' || typeof index !== 'number') return 0;
  const lines = text.split('\n');
  const opening = lines.findIndex((line) => line.startsWith(`  "${list}": [`));
  const row = opening + 1 + index;
  return opening >= 0 && lines[row]?.startsWith('    {') === true ? row + 1 : 0;
}
