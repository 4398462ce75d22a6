import { parseJson } from '#kernel/json.ts';
import { deploymentTypes } from '#model/endpoint.ts';
import { z } from 'zod';

/** What a word of a meter's name can say. `noise` says nothing. */
const wordKinds = [
  'noise',
  'GlobalStandard',
  'DataZoneStandard',
  'Standard',
  'input',
  'output',
  'cached',
  'write',
  'batch',
  'default',
  'priority',
  'flex',
  'short',
  'long',
  'text',
  'audio',
  'image',
] as const;
export type WordKind = (typeof wordKinds)[number];

const modelRule = z.strictObject({
  words: z.string(),
  date: z.string().optional(),
  model: z.string(),
  version: z.string().optional(),
  /** What a token is that the name says nothing of: default text. */
  modality: z.enum(['text', 'audio']).default('text'),
  /** Where the name does not say it. */
  direction: z.enum(['input', 'output']).optional(),
  /** A model that makes images: its output tokens are those of the image. */
  makes: z.literal('image').optional(),
});

const exactRule = z.strictObject({
  meters: z.array(z.string()),
  unit: z.string(),
  type: z.enum(deploymentTypes),
  /** Left out for provisioned units: their hour costs the same for every model. */
  model: z.string().optional(),
  meter: z.union([z.string(), z.array(z.string())]),
});

const rulesSchema = z.strictObject({
  comment: z.string(),
  query: z.strictObject({ apiVersion: z.string(), filter: z.string() }),
  longContextFrom: z.int().positive(),
  phrases: z.record(z.string(), z.string()),
  spellings: z.record(z.string(), z.string()),
  words: z.record(z.enum(wordKinds), z.array(z.string())),
  skipWords: z.record(z.string(), z.string()),
  retired: z.array(z.string()),
  otherClouds: z.array(z.string()),
  models: z.array(modelRule),
  exact: z.array(exactRule),
});

export type ModelRule = z.output<typeof modelRule> & { readonly wordList: readonly string[] };
export type ExactRule = z.output<typeof exactRule>;

/** How meters are read; `gateway/data/retail-meters.json` says what each part means. */
export interface MeterRules {
  readonly query: { readonly apiVersion: string; readonly filter: string };
  readonly longContextFrom: number;
  readonly phrases: readonly (readonly [string, string])[];
  readonly spellings: ReadonlyMap<string, string>;
  readonly kinds: ReadonlyMap<string, WordKind>;
  readonly skipWords: ReadonlyMap<string, string>;
  /** What the names of models begin with that can no longer be deployed. */
  readonly retired: readonly (readonly string[])[];
  /** Regions of sovereign clouds: what is global does not reach them. */
  readonly otherClouds: ReadonlySet<string>;
  /** The longest first. */
  readonly models: readonly ModelRule[];
  /** By the meter's name. */
  readonly exact: ReadonlyMap<string, ExactRule>;
}

/** Reads the shipped rules; throws where they are not what they should be, which is a defect of the build. */
export function parseMeterRules(text: string): MeterRules {
  const file = rulesSchema.parse(parseJson(text));
  const kinds = new Map<string, WordKind>();
  for (const kind of wordKinds) {
    for (const word of file.words[kind]) {
      if (kinds.has(word)) throw new Error(`retail-meters.json: the word '${word}' has two meanings.`);
      kinds.set(word, kind);
    }
  }
  return {
    query: file.query,
    longContextFrom: file.longContextFrom,
    phrases: Object.entries(file.phrases),
    spellings: new Map(Object.entries(file.spellings)),
    kinds,
    skipWords: new Map(Object.entries(file.skipWords)),
    retired: file.retired.map((words) => words.split(' ')),
    otherClouds: new Set(file.otherClouds),
    models: file.models
      .map((rule) => ({ ...rule, wordList: rule.words.split(' ') }))
      .toSorted((a, b) => b.wordList.length - a.wordList.length),
    exact: new Map(file.exact.flatMap((rule) => rule.meters.map((name) => [name, rule] as const))),
  };
}
