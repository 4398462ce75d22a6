import type { ConfigFinding, ConfigSection } from '#kernel/config-section.ts';
import { azureName, day, decimal, scaledDecimal, wholeNumber } from '#kernel/config-values.ts';
import { deploymentTypes } from '#model/endpoint.ts';
import { z } from 'zod';
import { entriesOf } from './list-prices.ts';
import { findConflicts, type DataZones, type PriceEntry } from './price-entry.ts';

const nanoDigits = 9;
const usd = () => decimal(nanoDigits);

const price = z.strictObject({
  model: azureName().describe('The model, exactly as `endpoints` names it.'),
  modelVersion: z.string().optional().describe('Only this version; default: all.'),
  type: z.enum(deploymentTypes).describe('The deployment type.'),
  region: z
    .string()
    .regex(/^[a-z0-9]+$/, "expected the region's programmatic name, such as westeurope")
    .optional()
    .describe('Only in this region; default: everywhere.'),
  zone: z.string().optional().describe('Only in the regions of this data zone (`us`, `eu`).'),
  serviceTier: z.string().default('default').describe('As served: `default`, `priority`, `flex`.'),
  mode: z.enum(['online', 'batch']).default('online').describe('Calls, or batch jobs.'),
  minInputTokens: wholeNumber({ atLeast: 1 })
    .optional()
    .describe('From so many input tokens on, this is the price of the whole request.'),
  effectiveFrom: day().describe('The first day it holds (UTC). Among equally specific prices, the latest wins.'),
  effectiveTo: day().optional().describe('The first day it holds no more.'),
  resolveBy: z
    .enum(['deployment', 'reportedModel'])
    .default('deployment')
    .describe('Whether `model` is what the endpoint is configured with, or what the reply names.'),
  usdPerMillion: z
    .partialRecord(
      z.enum([
        'input',
        'cachedInput',
        'cacheWriteInput',
        'audioInput',
        'imageInput',
        'output',
        'reasoning',
        'audioOutput',
      ]),
      usd(),
    )
    .default({})
    .describe(
      'USD for a million tokens, by meter, as exact decimals: `{ input: 0.70, cachedInput: 0.07, output: 4.20 }`.',
    ),
  usdPerCall: z
    .record(z.string().regex(/^[a-z_]+$/, 'expected the name of a tool, such as web_search'), usd())
    .default({})
    .describe('USD for one call of a tool that the provider runs: `{ web_search: 0.014 }`.'),
  source: z.string().default('contract').describe('Where the price stands: the contract, the order form.'),
});

const keys = {
  prices: z
    .array(price)
    .default([])
    .describe(
      'Contracted prices. They are charged instead of the shipped list prices, meter by meter, and price what the list ' +
        'does not have.',
    ),
};

type PriceValues = z.output<typeof price>;

const toNano = (amounts: Readonly<Record<string, string>>): Record<string, bigint> =>
  Object.fromEntries(Object.entries(amounts).map(([meter, amount]) => [meter, scaledDecimal(amount, nanoDigits)]));

/** The entries that one item of `prices` makes. */
function contractedEntries(value: PriceValues): readonly PriceEntry[] {
  const { usdPerMillion, usdPerCall, ...rest } = value;
  const amounts = { nanoUsdPerMillion: toNano(usdPerMillion), nanoUsdPerCall: toNano(usdPerCall) };
  return entriesOf({ ...rest, ...amounts }, 'contracted');
}

/** The entries of the configuration's `prices`, for the price book. */
export function contractedPrices(config: { readonly prices: readonly PriceValues[] }): readonly PriceEntry[] {
  return config.prices.flatMap(contractedEntries);
}

function ofPrice(value: PriceValues, path: ConfigFinding['path'], zones: DataZones): readonly ConfigFinding[] {
  const findings: ConfigFinding[] = [];
  if (contractedEntries(value).length === 0) {
    findings.push({ path, message: 'it prices nothing', fix: 'Add usdPerMillion or usdPerCall.' });
  }
  if (value.region !== undefined && value.zone !== undefined) {
    findings.push({ path: [...path, 'zone'], message: 'a price is for a region or for a zone', fix: 'Leave one out.' });
  }
  if (value.zone !== undefined && zones[value.zone] === undefined) {
    findings.push({
      path: [...path, 'zone'],
      message: `there is no data zone '${value.zone}'`,
      fix: `Known: ${Object.keys(zones).join(', ')}.`,
    });
  }
  if (value.effectiveTo !== undefined && value.effectiveTo <= value.effectiveFrom) {
    findings.push({
      path: [...path, 'effectiveTo'],
      message: 'it is not after effectiveFrom, so the price never holds',
      fix: 'Correct one of the two days.',
    });
  }
  return findings;
}

const pricingRules = `What your contract with Microsoft says, where it differs from the shipped list prices
(\`gateway/data/prices.json\`, with their sources; \`npx --no tollgate prices list\` shows what is in force).

- The most specific price applies, then the latest that has begun. Two that are equally specific are a mistake.
- Cached input, cache writes, audio and image input are taken out of the input and charged at their own prices; audio
  output is taken out of the output; reasoning is output, unless it has a price of its own. A part that Azure did not
  report is charged with the rest, at the full rate.
- The service tier counts as served. Nothing takes the place of another tier's price.
- A price with \`minInputTokens\` holds for the whole request from there on; so do only prices of that band.
- What has no price is never 0: the cost of such a call is unknown, and its meters are named.
- A call to a provisioned deployment costs nothing by itself: the hour is paid. One that Azure spilled over is priced as
  the pay-as-you-go deployment of the same model in the same scope (global, data zone, region).
- Each line is rounded half to even, to 10^-9 USD.`;

/** Needs to know which regions make up a data zone: the shipped price list says so. */
export function costConfig(facts: { readonly zones: DataZones }): ConfigSection<typeof keys> {
  return {
    name: 'prices',
    summary: pricingRules,
    keys,
    references: [],
    check({ prices }) {
      if (prices === undefined) return [];
      const findings = prices.flatMap((value, index) => ofPrice(value, ['prices', index], facts.zones));
      const owner = new Map<PriceEntry, number>();
      prices.forEach((value, index) => {
        for (const entry of contractedEntries(value)) owner.set(entry, index);
      });
      const reported = new Set<string>();
      for (const { first, second } of findConflicts([...owner.keys()], facts.zones)) {
        const [one, other] = [owner.get(first) ?? 0, owner.get(second) ?? 0];
        if (reported.has(`${one} ${other}`)) continue;
        reported.add(`${one} ${other}`);
        findings.push({
          path: ['prices', other],
          message: `it is exactly as specific as price ${one + 1} of the list (${first.meter} of ${first.model})`,
          fix: 'Give one of them a later effectiveFrom, or make it more specific (modelVersion and region).',
        });
      }
      return findings;
    },
  };
}
