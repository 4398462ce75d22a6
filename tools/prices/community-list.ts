// Reads the prices of Azure OpenAI in the list that the PyPI package `litellm` carries (MIT; facts only) and keeps what
// passes the checks: errors of exactly these kinds have been reported against such lists.
import { z } from 'zod';
import type { TablePrice } from '../../gateway/src/accounting/retail/price-table.ts';
import type { PriceNote } from './notes.ts';

/** The list, every number as the text that stands in the file. */
export const communityListSchema = z.record(z.string(), z.record(z.string(), z.unknown()));
type CommunityList = z.output<typeof communityListSchema>;
export type SourceKey = 'list-retail' | 'list-page' | 'list-announcement';
export type ListedPrice = TablePrice & { readonly source: SourceKey };

type Meter =
  | 'input'
  | 'cachedInput'
  | 'cacheWriteInput'
  | 'output'
  | 'audioInput'
  | 'audioOutput'
  | 'imageInput'
  | 'seconds';
type Tier = 'default' | 'priority' | 'flex' | 'batch';
/** 10^-9 USD for a million, by meter. */
type Amounts = Map<Meter, bigint>;
type Entry = Readonly<Record<string, unknown>>;

export interface Subject {
  readonly model: string;
  readonly modelVersion: string | undefined;
  /** Its name in the list, then its dated name. */
  readonly keys: readonly string[];
  /** The first day of its prices: the release of the model, as the list does not say when a price began. */
  readonly from: string;
  /** What an ordinary call needs a price for. */
  readonly needed: readonly string[];
  /** Its output tokens are those of images. */
  readonly makesImages: boolean;
}

const meterKeys: readonly (readonly [Meter, string])[] = [
  ['input', 'input_cost_per_token'],
  ['cachedInput', 'cache_read_input_token_cost'],
  ['cacheWriteInput', 'cache_creation_input_token_cost'],
  ['output', 'output_cost_per_token'],
  ['audioInput', 'input_cost_per_audio_token'],
  ['audioOutput', 'output_cost_per_audio_token'],
  ['imageInput', 'input_cost_per_image_token'],
  ['seconds', 'input_cost_per_second'],
];
const tierKeys: Readonly<Record<Tier, string>> = {
  default: '',
  priority: '_priority',
  flex: '_flex',
  batch: '_batches',
};
const tiers = ['default', 'priority', 'flex', 'batch'] as const;
/** "above 272k tokens": from the next token on, for the whole request. */
const longContext = { key: '_above_272k_tokens', minInputTokens: 272_001 };

const places = [
  { prefix: '', type: 'GlobalStandard', batch: 'GlobalBatch', zone: undefined },
  { prefix: 'us/', type: 'DataZoneStandard', batch: 'DataZoneBatch', zone: 'us' },
  { prefix: 'eu/', type: 'DataZoneStandard', batch: 'DataZoneBatch', zone: 'eu' },
  { prefix: 'apac/', type: 'DataZoneStandard', batch: 'DataZoneBatch', zone: 'apac' },
] as const;
type Place = (typeof places)[number];

/** `8.25e-07` USD a token -> 10^-9 USD for a million tokens, exactly; undefined where it would have to be rounded. */
function nanoPerMillion(text: string): bigint | undefined {
  const match = /^(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(text);
  if (match === null) throw new Error(`'${text}' is no decimal`);
  const [, whole = '', fraction = '', exponent = '0'] = match;
  const shift = 15 + Number(exponent) - fraction.length;
  const digits = BigInt(whole + fraction);
  if (shift >= 0) return digits * 10n ** BigInt(shift);
  const divisor = 10n ** BigInt(-shift);
  return digits % divisor === 0n ? digits / divisor : undefined;
}

const ratio = (a: bigint, b: bigint): number => Number((a * 1_000_000n) / b) / 1_000_000;
const near = (value: number, wanted: number, tolerance: number): boolean => Math.abs(value / wanted - 1) <= tolerance;

interface Check {
  readonly amounts: Amounts;
  /** Takes meters out and says why. */
  readonly drop: (meters: readonly Meter[], why: string) => void;
}

/** The parts of the input must stand in the proportions that Azure's own price pages show. */
function checkParts({ amounts, drop }: Check): void {
  const input = amounts.get('input');
  const cached = amounts.get('cachedInput');
  const written = amounts.get('cacheWriteInput');
  if (input === undefined) return;
  if (cached !== undefined && cached >= input) {
    drop(['cachedInput'], 'a cached token would cost at least as much as a fresh one');
  }
  if (written !== undefined && written < input) {
    drop(['cacheWriteInput'], 'a cache write would cost less than a fresh token');
  }
}

/** A data-zone price is the global one with one surcharge on every meter. */
function checkZone({ amounts, drop }: Check, global: Amounts): void {
  const [input, globalInput] = [amounts.get('input'), global.get('input')];
  if (input === undefined || globalInput === undefined) return;
  const surcharge = ratio(input, globalInput);
  for (const [meter, amount] of amounts) {
    const base = global.get(meter);
    if (base === undefined) drop([meter], 'the global list has no such meter');
    else if (surcharge < 1 || surcharge > 1.25 || !near(ratio(amount, base), surcharge, 0.02)) {
      drop([meter], `its surcharge over the global price differs from that of the input (${surcharge})`);
    }
  }
}

/** Long context doubles the input and makes the output half as dear again. */
function checkLongContext({ amounts, drop }: Check, base: Amounts): void {
  for (const [meter, amount] of amounts) {
    const ordinary = base.get(meter);
    const wanted = meter === 'output' ? 1.5 : 2;
    if (ordinary !== undefined && near(ratio(amount, ordinary), wanted, 0.06)) continue;
    drop([meter], `above 272k tokens it is not ${wanted} times the ordinary price of its tier`);
  }
}

/** Batch and flex are half price; priority is dearer. */
function checkTier({ amounts, drop }: Check, tier: Tier, standard: Amounts): void {
  for (const [meter, amount] of amounts) {
    const base = standard.get(meter);
    const fits =
      base !== undefined && (tier === 'priority' ? ratio(amount, base) > 1 : near(ratio(amount, base), 0.5, 0.06));
    if (fits) continue;
    drop([meter], tier === 'priority' ? 'it is not dearer than the default tier' : 'it is not half the default price');
  }
}

function sourceKey(entry: Entry): SourceKey | undefined {
  const source = typeof entry['source'] === 'string' ? entry['source'] : '';
  if (source.startsWith('https://prices.azure.com/')) return 'list-retail';
  if (/^https:\/\/azure\.microsoft\.com\/[a-z-]+\/pricing\//.test(source)) return 'list-page';
  if (/^https:\/\/(azure|learn|techcommunity)\.microsoft\.com\//.test(source)) return 'list-announcement';
  return undefined;
}

/** What has been believed of one model at one place, by tier and band. */
type Kept = ReadonlyMap<string, Amounts>;
const lineKey = (tier: Tier, long: boolean): string => `${tier}${long ? ' long' : ''}`;
const nothing: Amounts = new Map();

interface Line {
  readonly subject: Subject;
  readonly place: Place;
  readonly tier: Tier;
  readonly long: boolean;
}

const typeWords = (place: Place, tier: Tier): string => {
  const type = tier === 'batch' ? place.batch : place.type;
  return place.zone === undefined ? type : `${type} (${place.zone})`;
};
function lineWords({ place, tier, long }: Line): string {
  const tierWords = tier === 'default' || tier === 'batch' ? '' : ` ${tier}`;
  return `${typeWords(place, tier)}${tierWords}${long ? ' above 272k' : ''}`;
}

/** Reads one list; prices and notes gather in it. */
export class CommunityReader {
  readonly prices: ListedPrice[] = [];
  readonly notes: PriceNote[] = [];
  private readonly list: CommunityList;

  constructor(list: CommunityList) {
    this.list = list;
  }

  read(subject: Subject): void {
    const [global, ...zonal] = places;
    const globally = this.readPlace(subject, global, new Map());
    for (const place of zonal) this.readPlace(subject, place, globally);
  }

  /** The list has a model under its name and under its dated name; where they differ, neither is believed. */
  private entryOf(subject: Subject, place: Place): Entry | undefined {
    const [first, second] = subject.keys
      .map((key) => this.list[`azure/${place.prefix}${key}`])
      .filter((entry) => entry !== undefined);
    if (first === undefined || second === undefined) return first;
    const differing = Object.keys(first).filter(
      (key) =>
        key.includes('_cost') &&
        typeof first[key] === 'string' &&
        second[key] !== undefined &&
        second[key] !== first[key],
    );
    if (differing.length === 0) return sourceKey(first) === undefined ? second : first;
    this.notes.push({
      model: subject.model,
      type: place.type,
      meters: differing,
      why: 'the list has two prices, under the name and under the dated name',
    });
    return undefined;
  }

  /** `global`: what it costs in Global Standard, for the checks of the data zones. */
  private readPlace(subject: Subject, place: Place, global: Kept): Kept {
    const kept = new Map<string, Amounts>();
    const entry = this.entryOf(subject, place);
    if (entry === undefined) return kept;
    const source = sourceKey(entry);
    if (source === undefined) {
      const why = 'the list cites no source of Microsoft';
      this.notes.push({ model: subject.model, type: typeWords(place, 'default'), meters: ['all'], why });
      return kept;
    }
    for (const tier of tiers) {
      for (const long of [false, true]) {
        const line = { subject, place, tier, long };
        const amounts = this.believed(this.amountsOf(entry, line), line, { kept, global });
        if (amounts === undefined) continue;
        kept.set(lineKey(tier, long), amounts);
        this.prices.push(...pricesOf(line, amounts, source));
      }
    }
    return kept;
  }

  private amountsOf(entry: Entry, { subject, tier, long }: Line): Amounts {
    const found: Amounts = new Map();
    const band = long ? longContext.key : '';
    for (const [meter, key] of meterKeys) {
      const ownKey = subject.makesImages && meter === 'output' ? 'output_cost_per_image_token' : key;
      const text = entry[`${ownKey}${band}${tierKeys[tier]}`];
      // A price of 0 in such a list means "does not apply".
      if (typeof text !== 'string' || Number(text) === 0) continue;
      const amount = nanoPerMillion(text);
      if (amount !== undefined) found.set(meter, amount);
      else
        this.notes.push({ model: subject.model, type: 'GlobalStandard', meters: [meter], why: `${text} is rounded` });
    }
    // Cached tokens of images have two prices and one number that is reported.
    if (subject.makesImages) found.delete('cachedInput');
    return found;
  }

  /** The amounts that pass every check; undefined where too little is left to bill an ordinary call with. */
  private believed(
    amounts: Amounts,
    line: Line,
    { kept, global }: { readonly kept: Kept; readonly global: Kept },
  ): Amounts | undefined {
    if (amounts.size === 0) return undefined;
    const { subject, place, tier, long } = line;
    const type = lineWords(line);
    const drop = (meters: readonly Meter[], why: string): void => {
      this.notes.push({ model: subject.model, type, meters, why });
      for (const meter of meters) amounts.delete(meter);
    };
    const check = { amounts, drop };
    checkParts(check);
    if (place.zone !== undefined) checkZone(check, global.get(lineKey(tier, long)) ?? nothing);
    if (tier !== 'default') checkTier(check, tier, kept.get(lineKey('default', long)) ?? nothing);
    if (long) checkLongContext(check, kept.get(lineKey(tier, false)) ?? nothing);
    const lacking = subject.needed.filter((meter) => ![...amounts.keys()].some((one) => one === meter));
    if (lacking.length === 0) return amounts;
    if (amounts.size > 0) drop([...amounts.keys()], `there is no price for ${lacking.join(' and ')} beside it`);
    return undefined;
  }
}

function pricesOf({ subject, place, tier, long }: Line, amounts: Amounts, source: SourceKey): readonly ListedPrice[] {
  return [...amounts].map(([meter, amount]) => ({
    model: subject.model,
    modelVersion: subject.modelVersion,
    type: tier === 'batch' ? place.batch : place.type,
    serviceTier: tier === 'batch' ? 'default' : tier,
    minInputTokens: long ? longContext.minInputTokens : 0,
    meter,
    place: place.zone === undefined ? null : { kind: 'zone', name: place.zone },
    amount,
    from: subject.from,
    to: undefined,
    meterIds: [],
    meterNames: [],
    source,
  }));
}
