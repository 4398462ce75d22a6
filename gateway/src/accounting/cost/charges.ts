import type { Units } from '#model/usage-record.ts';

/** How a deployment is sold, as far as its prices say. */
export interface SoldBy {
  readonly tokens: boolean;
  readonly seconds: boolean;
  readonly characters: boolean;
  readonly images: boolean;
  /** Reasoning has a price of its own, in some layer. */
  readonly reasoningApart: boolean;
}

export type Charge = readonly [meter: string, units: number];

const tokenMeters = ['input', 'output', 'audioInput', 'audioOutput', 'imageInput'];

export function soldBy(meters: ReadonlyMap<string, unknown>): SoldBy {
  return {
    tokens: tokenMeters.some((meter) => meters.has(meter)),
    seconds: meters.has('seconds'),
    characters: meters.has('characters'),
    images: [...meters.keys()].some((meter) => meter.startsWith('image:')),
    reasoningApart: meters.has('reasoning'),
  };
}

/** What costs the same however long the context is. */
export function isWithoutContext(meter: string): boolean {
  return meter.includes(':') || meter === 'seconds' || meter === 'characters';
}

const usageUnknown = 'usage unknown';

/**
 * What is to be charged, by meter; or why that cannot be said.
 *
 * The same work can be counted twice, in tokens and in images, seconds or characters. It is charged as it is sold: where
 * images, seconds or characters have a price, by them; where only tokens have one, by the tokens alone.
 */
export function chargesOf(units: Units, sold: SoldBy): readonly Charge[] | string {
  const charges: Charge[] = [];
  const byWork = sold.seconds || sold.characters || sold.images;
  const problem =
    (sold.tokens || !byWork ? addTokens(charges, units, sold.reasoningApart) : undefined) ??
    (byWork || !sold.tokens ? addWork(charges, units, sold) : undefined);
  if (problem !== undefined) return problem;
  for (const tool in units.toolCalls) charges.push([`toolCall:${tool}`, units.toolCalls[tool] ?? 0]);
  return charges.every(isCount) ? charges : 'a unit is not a whole number of at least 0';
}

const isCount = ([, count]: Charge): boolean => Number.isSafeInteger(count) && count >= 0;

/** An unreported part is charged with the rest, at the full rate: as a part of its own it counts 0. */
const asPart = (part: number | null): number => part ?? 0;

function addTokens(charges: Charge[], units: Units, reasoningApart: boolean): string | undefined {
  const { input, output } = units;
  if (input === null || output === null) return usageUnknown;
  const [cached, written] = [asPart(units.cachedInput), asPart(units.cacheWriteInput)];
  const [audioIn, images] = [asPart(units.audioInput), asPart(units.imageInput)];
  const [audioOut, reasoning] = [asPart(units.audioOutput), asPart(units.reasoning)];
  const restIn = input - cached - written - audioIn - images;
  const restOut = output - audioOut - reasoning;
  if (restIn < 0) return 'the parts of the input are more than the input';
  if (restOut < 0) return 'the parts of the output are more than the output';
  charges.push(
    ['input', restIn],
    ['cachedInput', cached],
    ['cacheWriteInput', written],
    ['audioInput', audioIn],
    ['imageInput', images],
    ['output', reasoningApart ? restOut : restOut + reasoning],
    ['audioOutput', audioOut],
  );
  if (reasoningApart) charges.push(['reasoning', reasoning]);
  return undefined;
}

/** Of a deployment that is sold by tokens too, only what has a price: the rest is in the tokens. */
function addWork(charges: Charge[], units: Units, sold: SoldBy): string | undefined {
  for (const meter of ['seconds', 'characters'] as const) {
    const count = units[meter];
    if (sold.tokens && !sold[meter]) continue;
    if (count === null && sold[meter]) return usageUnknown;
    if (count !== null) charges.push([meter, count]);
  }
  if (sold.tokens && !sold.images) return undefined;
  for (const image in units.images) charges.push([`image:${image}`, units.images[image] ?? 0]);
  return undefined;
}
