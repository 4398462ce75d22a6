import type { ConfigFinding, ConfigSection, Frozen } from '#kernel/config-section.ts';
import { azureName, day, decimal, scaledDecimal, wholeNumber } from '#kernel/config-values.ts';
import { deploymentTypes } from '#model/endpoint.ts';
import { z } from 'zod';
import { internalRates, ratesFindings } from './internal-config.ts';
import { anyModel, findConflicts, type DataZones, type PriceEntry } from './price-entry.ts';
import { entriesOf, modeOf } from './price-row.ts';

const nanoDigits = 9;
const usd = () => decimal(nanoDigits);
const regionName = () => z.string().regex(/^[a-z0-9]+$/, "expected the region's programmatic name, such as westeurope");

const price = z.strictObject({
  layer: z
    .enum(['contracted', 'internal'])
    .default('contracted')
    .describe('`contracted`: what you pay. `internal`: what is charged inside, instead of a margin.'),
  model: z
    .union([azureName(), z.literal(anyModel)])
    .describe('The model, exactly as `endpoints` names it; `*` for what costs the same whatever the model is.'),
  modelVersion: z.string().optional().describe('Only this version; default: all.'),
  type: z.enum(deploymentTypes).describe('The deployment type.'),
  region: regionName().optional().describe('Only in this region; default: everywhere.'),
  regions: z.array(regionName()).min(1).optional().describe('Only in these regions: as many prices in one.'),
  zone: z.string().optional().describe('Only in the regions of this data zone (`us`, `eu`, `apac`).'),
  serviceTier: z.string().default('default').describe('As served: `default`, `priority`, `flex`.'),
  mode: z
    .enum(['online', 'batch'])
    .optional()
    .describe('Calls, or batch jobs; default: what the deployment type is for. It can be nothing else.'),
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
        'seconds',
        'characters',
      ]),
      usd(),
    )
    .default({})
    .describe(
      'USD for a million tokens, seconds or characters, by meter, as exact decimals: ' +
        '`{ input: 0.70, cachedInput: 0.07, output: 4.20 }`.',
    ),
  usdPerCall: z
    .record(z.string().regex(/^[a-z_]+$/, 'expected the name of a tool, such as web_search'), usd())
    .default({})
    .describe('USD for one call of a tool that the provider runs: `{ web_search: 0.014 }`.'),
  usdPerImage: z
    .record(z.string().regex(/^[a-z]+\/[a-z0-9]+$/, 'expected quality and size, such as high/1024x1024'), usd())
    .default({})
    .describe('USD for one image, by quality and size: `{ high/1024x1024: 0.17 }`.'),
  source: z.string().default('contract').describe('Where the price stands: the contract, the order form.'),
});

const keys = {
  prices: z
    .array(price)
    .default([])
    .describe(
      'Contracted prices. They are charged instead of the list prices, meter by meter, and price what the list does ' +
        'not have. With `layer: internal`: what is charged inside.',
    ),
  internalRates,
  priceFile: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Where list prices are kept that were read from Azure (`prices sync`), relative to this file. Default: ' +
        '`list-prices.json` in the data folder. They go before the shipped ones.',
    ),
};

type PriceValues = Frozen<z.output<typeof price>>;

const toNano = (amounts: Readonly<Record<string, string>>): Record<string, bigint> =>
  Object.fromEntries(Object.entries(amounts).map(([meter, amount]) => [meter, scaledDecimal(amount, nanoDigits)]));

/** The entries that one item of `prices` makes. */
function entriesOfItem({ layer, usdPerMillion, usdPerCall, usdPerImage, ...rest }: PriceValues): readonly PriceEntry[] {
  const amounts = {
    nanoUsdPerMillion: toNano(usdPerMillion),
    nanoUsdPerCall: toNano(usdPerCall),
    nanoUsdPerImage: toNano(usdPerImage),
  };
  return entriesOf({ ...rest, ...amounts }, layer);
}

/** The entries of the configuration's `prices`, contracted and internal, for the price book. */
export function configuredPrices(config: { readonly prices: readonly PriceValues[] }): readonly PriceEntry[] {
  return config.prices.flatMap(entriesOfItem);
}

const places = ['region', 'regions', 'zone'] as const;

function ofPrice(value: PriceValues, path: ConfigFinding['path'], zones: DataZones): readonly ConfigFinding[] {
  const findings: ConfigFinding[] = [];
  if (entriesOfItem(value).length === 0) {
    findings.push({ path, message: 'it prices nothing', fix: 'Add usdPerMillion, usdPerCall or usdPerImage.' });
  }
  const [, second] = places.filter((one) => value[one] !== undefined);
  if (second !== undefined) {
    findings.push({
      path: [...path, second],
      message: 'a price is for a region, for regions or for a zone',
      fix: 'Leave all but one out.',
    });
  }
  if (value.zone !== undefined && zones[value.zone] === undefined) {
    findings.push({
      path: [...path, 'zone'],
      message: `there is no data zone '${value.zone}'`,
      fix: `Known: ${Object.keys(zones).join(', ')}.`,
    });
  }
  if (value.mode !== undefined && value.mode !== modeOf(value.type)) {
    findings.push({
      path: [...path, 'mode'],
      message: `a ${value.type} deployment is never called like that, so the price would never hold`,
      fix: 'Leave mode out, or name the batch form of the deployment type.',
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

function conflictFindings(prices: readonly PriceValues[], zones: DataZones): readonly ConfigFinding[] {
  const findings: ConfigFinding[] = [];
  const owner = new Map<PriceEntry, number>();
  prices.forEach((value, index) => {
    for (const entry of entriesOfItem(value)) owner.set(entry, index);
  });
  const reported = new Set<string>();
  for (const { first, second } of findConflicts([...owner.keys()], zones)) {
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
}

const pricingRules = `What your contract with Microsoft says, where it differs from the list prices: the shipped ones
(\`gateway/data/prices.json\`, with their sources) and those that \`npx --no tollgate prices sync\` reads from Azure;
\`npx --no tollgate prices list\` shows what is in force. And what is charged inside the organisation. See
[prices](../prices.md).

- The most specific price applies, then the latest that has begun. Two that are equally specific are a mistake.
- Cached input, cache writes, audio and image input are taken out of the input and charged at their own prices; audio
  output is taken out of the output; reasoning is output, unless it has a price of its own. A part that Azure did not
  report is charged with the rest, at the full rate.
- Images, seconds and characters are charged where they have a price; where only tokens have one, they are in the tokens.
- The service tier counts as served. Nothing takes the place of another tier's price.
- A price with \`minInputTokens\` holds for the whole request from there on; so do only prices of that band.
- What has no price is never 0: the cost of such a call is unknown, and its meters are named.
- A call to a provisioned deployment costs nothing by itself: the hour is paid. One that Azure spilled over is priced as
  the pay-as-you-go deployment of the same model in the same scope (global, data zone, region).
- Each line is rounded half to even, to 10^-9 USD. An internal rate is applied to the rounded line of what is paid.`;

/** Needs to know which regions make up a data zone: the shipped price list says so. */
export function costConfig(facts: { readonly zones: DataZones }): ConfigSection<typeof keys> {
  return {
    name: 'prices',
    summary: pricingRules,
    keys,
    references: [],
    check({ prices = [], internalRates: rates = [] }) {
      return [
        ...prices.flatMap((value, index) => ofPrice(value, ['prices', index], facts.zones)),
        ...conflictFindings(prices, facts.zones),
        ...ratesFindings(rates),
      ];
    },
  };
}
