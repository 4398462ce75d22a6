import type { DeploymentType } from '#model/endpoint.ts';
import type { ExactRule, MeterRules, ModelRule, WordKind } from './meter-rules.ts';
import { nanoUsd, unitSize, type RetailItem } from './retail-item.ts';

/** What a meter's name says, in our words. */
interface MeterMeaning {
  /** Undefined for provisioned units. */
  readonly model: string | undefined;
  readonly modelVersion: string | undefined;
  readonly type: DeploymentType;
  /** `default`, `priority` or `flex`. */
  readonly serviceTier: string;
  /** 0, or the input tokens from which on the price is that of the whole request. */
  readonly minInputTokens: number;
  /** Several where one meter is for several of ours (two sizes of an image). */
  readonly meters: readonly string[];
}

/** A price of the list in our words; `amount` in 10^-9 USD, for a million units, an image or call, or a unit's hour. */
export interface MappedPrice extends MeterMeaning {
  /** The meter's id, by region. */
  readonly regions: Readonly<Record<string, string>>;
  readonly amount: bigint;
  /** A day, `2026-03-01`. */
  readonly from: string;
  readonly to: string | undefined;
  readonly meterName: string;
}

export type Mapped =
  | { readonly ok: true; readonly price: MappedPrice }
  /** `known`: a rule says that this meter is none of ours; else nobody knows what it is. */
  | { readonly ok: false; readonly why: string; readonly known: boolean };

const unknown = (why: string): { readonly ok: false; readonly why: string; readonly known: false } => ({
  ok: false,
  why,
  known: false,
});
const notOurs = (why: string): { readonly ok: false; readonly why: string; readonly known: true } => ({
  ok: false,
  why,
  known: true,
});

/** Reads one item of the price list; what it cannot read completely it does not map. */
export function readItem(item: RetailItem, rules: MeterRules): Mapped {
  if (item.type !== 'Consumption') return notOurs(`prices of the kind ${item.type} are not charged by the call`);
  if (Number(item.tierMinimumUnits) !== 0) return unknown('its price depends on how much was used before');
  const read = meaningOf(item, rules);
  if (!read.ok) return read;
  const { meaning } = read;
  const [meter = ''] = meaning.meters;
  const size = unitSize(item.unitOfMeasure, meter);
  if (size === undefined) return unknown(`nobody knows how many units '${item.unitOfMeasure}' are`);
  const amount = nanoUsd(item.retailPrice, size, perWhat(meter));
  if (amount === undefined) return unknown(`${item.retailPrice} USD for ${item.unitOfMeasure} is finer than 10^-9 USD`);
  if (amount === 0n) return unknown('a price of 0 is not believed');
  if (amount > BigInt(Number.MAX_SAFE_INTEGER)) return unknown('a price as high as that is not believed');
  const from = dayIn(item.effectiveStartDate);
  const to = item.effectiveEndDate === undefined ? undefined : dayIn(item.effectiveEndDate);
  if (from === undefined || to === null) return unknown('it begins in the middle of a day');
  return {
    ok: true,
    price: {
      ...meaning,
      regions: item.regions,
      amount,
      from,
      to,
      meterName: item.meterName,
    },
  };
}

/** Prices are kept for a million tokens, seconds or characters, for one image or call, and for an hour of a unit. */
function perWhat(meter: string): bigint {
  return meter === 'ptu' || meter.startsWith('image:') || meter.startsWith('toolCall:') ? 1n : 1_000_000n;
}

/** Days are UTC days here; undefined where a moment is not the start of one. */
function dayIn(moment: string): string | undefined {
  return /^(\d{4}-\d{2}-\d{2})(?:T00:00:00(?:\.0+)?Z)?$/.exec(moment)?.[1];
}

type Read = { readonly ok: true; readonly meaning: MeterMeaning } | Unread;

function meaningOf(item: RetailItem, rules: MeterRules): Read {
  const exact = rules.exact.get(item.meterName);
  if (exact !== undefined) return { ok: true, meaning: exactMeaning(exact) };
  const words = wordsOf(item.meterName, rules);
  for (const word of words) {
    const why = rules.skipWords.get(word);
    if (why !== undefined) return notOurs(why);
  }
  const date = words.find((word) => /^(\d{4}|\d{8})$/.test(word));
  const rest = words.filter((word) => word !== date);
  const begins = (wordList: readonly string[]): boolean => wordList.every((word, at) => rest[at] === word);
  if (rules.retired.some(begins)) return notOurs('its model can no longer be deployed');
  const rule = rules.models.find((one) => one.date === date && begins(one.wordList));
  if (rule === undefined) return unknown('no rule knows its model');
  const said = new Map<WordKind, string>();
  for (const word of rest.slice(rule.wordList.length)) {
    const kind = rules.kinds.get(word);
    if (kind === undefined) return unknown(`nobody knows what '${word}' says of ${rule.model}`);
    if (said.has(kind) && kind !== 'noise') return unknown(`it says '${word}' twice`);
    said.set(kind, word);
  }
  return wordMeaning(rule, new Set(said.keys()), rules);
}

function exactMeaning(rule: ExactRule): MeterMeaning {
  return {
    model: rule.model,
    modelVersion: undefined,
    type: rule.type,
    serviceTier: 'default',
    minInputTokens: 0,
    meters: typeof rule.meter === 'string' ? [rule.meter] : rule.meter,
  };
}

function wordsOf(meterName: string, rules: MeterRules): readonly string[] {
  const lower = rules.phrases.reduce((text, [from, to]) => text.replaceAll(from, to), meterName.toLowerCase());
  const words = lower.split(/[\s-]+/).flatMap((word) => (rules.spellings.get(word) ?? word).split(' '));
  return words[0] === 'gpt' ? words.slice(1) : words;
}

const places = ['GlobalStandard', 'DataZoneStandard', 'Standard'] as const;
const tiers = ['default', 'priority', 'flex'] as const;
const modalities = ['text', 'audio', 'image'] as const;
type Modality = (typeof modalities)[number];

type Said = ReadonlySet<WordKind>;
type Unread = Extract<Mapped, { ok: false }>;

/** The one of several words that was said; undefined where none was, or more than one. */
function oneOf<Kind extends WordKind>(kinds: readonly Kind[], said: Said): Kind | undefined {
  const [first, second] = kinds.filter((kind) => said.has(kind));
  return second === undefined ? first : undefined;
}
const countOf = (kinds: readonly WordKind[], said: Said): number => kinds.filter((kind) => said.has(kind)).length;

function wordMeaning(rule: ModelRule, said: Said, rules: MeterRules): Read {
  const place = oneOf(places, said);
  if (place === undefined) return unknown('it does not name one deployment type');
  if ([tiers, modalities, ['short', 'long'] as const].some((kinds) => countOf(kinds, said) > 1)) {
    return unknown('it says two things at once');
  }
  const serviceTier = oneOf(tiers, said) ?? 'default';
  const type = said.has('batch') ? batchTypes[place] : place;
  if (type === undefined) return notOurs('there are no regional batch deployments');
  if (said.has('batch') && serviceTier !== 'default') return unknown('batch jobs have no service tier');
  const meter = meterOf(rule, said);
  if (typeof meter !== 'string') return meter;
  const minInputTokens = said.has('long') ? rules.longContextFrom : 0;
  return {
    ok: true,
    meaning: { model: rule.model, modelVersion: rule.version, type, serviceTier, minInputTokens, meters: [meter] },
  };
}

const batchTypes: Readonly<Record<(typeof places)[number], DeploymentType | undefined>> = {
  GlobalStandard: 'GlobalBatch',
  DataZoneStandard: 'DataZoneBatch',
  Standard: undefined,
};

function meterOf(rule: ModelRule, said: Said): string | Unread {
  const modality = oneOf(modalities, said) ?? rule.modality;
  const output = said.has('output');
  const input = said.has('input') || said.has('write') || (rule.direction === 'input' && !output);
  if (input === output) return unknown('it does not say whether it is input or output');
  // Of an image's tokens the provider reports one cached number, and these have two prices.
  if (said.has('cached') && rule.makes === 'image') return notOurs('cached tokens are not reported by what they are');
  return input ? inputMeter(said, modality) : outputMeter(rule, said, modality);
}

function inputMeter(said: Said, modality: Modality): string | Unread {
  if (said.has('write')) {
    return said.has('cached') && modality === 'text' ? 'cacheWriteInput' : unknown('only text is written to a cache');
  }
  if (!said.has('cached')) return { text: 'input', audio: 'audioInput', image: 'imageInput' }[modality];
  return modality === 'text' ? 'cachedInput' : notOurs('cached tokens are not reported by what they are');
}

function outputMeter(rule: ModelRule, said: Said, modality: Modality): string | Unread {
  if (said.has('cached')) return unknown('output is not cached');
  if (rule.makes === 'image') {
    return modality === 'image' ? 'output' : notOurs('the text that an image model writes is not reported apart');
  }
  if (modality === 'image') return unknown('this model makes no images');
  return modality === 'audio' ? 'audioOutput' : 'output';
}
