import type { Cost, CostLine, PriceLayer } from '../../src/model/money.ts';
import type { Units } from '../../src/model/usage-record.ts';
import type { GeneratedEndpoint } from './generated-organisation.ts';

interface Called {
  readonly endpoint: GeneratedEndpoint;
  readonly units: Units;
  readonly serviceTier: string | null;
  readonly spilledFrom: string | null;
}

/** Prices of the generated month in 10^-9 USD for a million units; odd ones, so that halves have to be rounded. */
const basePrice = (meter: string): bigint => {
  if (meter.startsWith('toolCall:')) return 10_000_000_000_001n;
  if (meter.startsWith('image:')) return meter.includes('high') ? 167_000_000_500_000n : 11_000_000_000_000n;
  return (
    {
      input: 750_000_500n,
      cachedInput: 75_000_050n,
      cacheWriteInput: 937_500_001n,
      audioInput: 32_000_000_500n,
      imageInput: 5_000_000_000n,
      output: 4_500_000_500n,
      audioOutput: 64_000_000_001n,
      seconds: 100_000_500_000n,
      characters: 15_000_500_000n,
    }[meter] ?? 0n
  );
};

const onTier: Readonly<Record<string, bigint>> = { priority: 20n, flex: 5n };

/** Which meters of a model have a price on a layer. */
const isPriced: Readonly<Record<PriceLayer, (model: string, meter: string) => boolean>> = {
  list: (model, meter) =>
    model !== 'gpt-tuned' && !(model === 'gpt-new' && meter === 'output') && meter !== 'toolCall:code_interpreter',
  contracted: (model, meter) =>
    (model === 'gpt-5.4-mini' && ['input', 'output', 'toolCall:code_interpreter'].includes(meter)) ||
    model === 'gpt-tuned',
  internal: (model, meter) => model === 'gpt-5.4-mini' || (model === 'gpt-5.4' && meter !== 'output'),
};
const ofLayer: Readonly<Record<PriceLayer, bigint>> = { list: 100n, contracted: 83n, internal: 115n };

function halfEven(numerator: bigint, denominator: bigint): bigint {
  const quotient = numerator / denominator;
  const twice = (numerator % denominator) * 2n;
  return twice > denominator || (twice === denominator && quotient % 2n === 1n) ? quotient + 1n : quotient;
}

/** What is charged for by each meter: parts that have one of their own are no part of the rest. */
function charges(units: Units): readonly (readonly [meter: string, units: number])[] {
  const of = (unit: Exclude<keyof Units, 'toolCalls' | 'images'>): number => units[unit] ?? 0;
  const parts = of('cachedInput') + of('cacheWriteInput') + of('audioInput') + of('imageInput');
  const all: (readonly [string, number])[] = [
    ['input', of('input') - parts],
    ['output', of('output') - of('audioOutput')],
    ...(
      ['cachedInput', 'cacheWriteInput', 'audioInput', 'imageInput', 'audioOutput', 'seconds', 'characters'] as const
    ).map((meter) => [meter, of(meter)] as const),
    ...Object.entries(units.toolCalls).map(([tool, count]) => [`toolCall:${tool}`, count] as const),
    ...Object.entries(units.images).map(([image, count]) => [`image:${image}`, count] as const),
  ];
  return all.filter(([, count]) => count > 0);
}

const nothingKnown: Cost = {
  pricing: 'token',
  lines: [],
  nanoUsd: null,
  listNanoUsd: null,
  internalNanoUsd: null,
  unpriced: ['usage unknown'],
};

const sum = (lines: readonly CostLine[]): bigint => lines.reduce((total, one) => total + one.nanoUsd, 0n);

/** What a generated call costs on every layer, worked out without the price book. */
export function generatedCost({ endpoint, units, serviceTier, spilledFrom }: Called): Cost {
  if (endpoint.provisioned && spilledFrom === null)
    return { ...nothingKnown, pricing: 'ptu', nanoUsd: 0n, listNanoUsd: 0n, internalNanoUsd: 0n, unpriced: [] };
  if (units.input === null || units.output === null) return nothingKnown;
  const { model } = endpoint.servedBy;
  const tier = serviceTier ?? 'default';
  const used = charges(units);
  const lineOf = (layer: PriceLayer, meter: string, count: number): readonly CostLine[] => {
    if (!isPriced[layer](model, meter)) return [];
    const perThousandMillion = basePrice(meter) * ofLayer[layer] * (onTier[tier] ?? 10n);
    const nanoUsd = halfEven(BigInt(count) * perThousandMillion, 1_000_000_000n);
    return [{ layer, meter, units: count, priceId: `${layer}/${model}/${tier}/${meter}`, nanoUsd }];
  };
  const of = (layer: PriceLayer): readonly CostLine[] => used.flatMap(([meter, count]) => lineOf(layer, meter, count));
  const [list, contracted, internal] = [of('list'), of('contracted'), of('internal')];
  const charged = used.map(
    ([meter]) => contracted.find((one) => one.meter === meter) ?? list.find((one) => one.meter === meter),
  );
  const known = charged.filter((one) => one !== undefined);
  const isWhole = (lines: readonly CostLine[]): boolean => lines.length === used.length;
  return {
    pricing: 'token',
    lines: [...list, ...contracted, ...internal],
    nanoUsd: isWhole(known) ? sum(known) : null,
    listNanoUsd: isWhole(list) ? sum(list) : null,
    internalNanoUsd: isWhole(internal) ? sum(internal) : null,
    unpriced: used.flatMap(([meter], at) => (charged[at] === undefined ? [meter] : [])),
  };
}
