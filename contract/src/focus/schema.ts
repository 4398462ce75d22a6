import { z } from 'zod';
import document from './focus-1.4.json' with { type: 'json' };

const condition = z.strictObject({
  column: z.string(),
  is: z.array(z.string()).optional(),
  isNot: z.array(z.string()).optional(),
  isNull: z.boolean().optional(),
});
/** What has to be true of a row before a rule concerns it. A column that the file does not have is null. */
export type FocusCondition = z.output<typeof condition>;

const source = z.string();
const when = z.array(condition).default([]);
const rule = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('required'), column: z.string(), when, source }),
  z.strictObject({ kind: z.literal('empty'), column: z.string(), when, source }),
  z.strictObject({ kind: z.literal('paired'), columns: z.tuple([z.string(), z.string()]), source }),
  z.strictObject({
    kind: z.literal('product'),
    result: z.string(),
    factors: z.tuple([z.string(), z.string()]),
    source,
  }),
  z.strictObject({ kind: z.literal('same'), columns: z.tuple([z.string(), z.string()]), when, source }),
  z.strictObject({ kind: z.literal('differs'), column: z.string(), from: z.string(), when, source }),
  z.strictObject({ kind: z.literal('before'), columns: z.tuple([z.string(), z.string()]), source }),
  z.strictObject({ kind: z.literal('belongs'), column: z.string(), to: z.string(), source }),
  z.strictObject({ kind: z.literal('one-parent'), column: z.string(), parent: z.string(), source }),
]);
export type FocusRule = z.output<typeof rule>;

const type = z.enum(['String', 'Decimal', 'Date/Time', 'JSON']);

const column = z.strictObject({
  id: z.string(),
  section: z.string(),
  level: z.enum(['Mandatory', 'Conditional', 'Recommended']),
  nulls: z.boolean(),
  type,
  format: z.enum(['Currency', 'Unit', 'Key-Value', 'JSON Object', 'Allowed Values']).optional(),
  allowed: z.array(z.string()).optional(),
  range: z.literal('non-negative').optional(),
  condition: z.string().optional(),
  written: z.boolean(),
  meaning: z.string(),
});
export type FocusColumn = z.output<typeof column>;

const customColumn = z.strictObject({ id: z.string(), type, nulls: z.boolean(), meaning: z.string() });
export type FocusCustomColumn = z.output<typeof customColumn>;

const schema = z.strictObject({
  specification: z.strictObject({
    name: z.string(),
    version: z.string(),
    ratified: z.string(),
    dataset: z.string(),
    licence: z.string(),
    home: z.string(),
    repository: z.string(),
  }),
  sources: z.record(z.string(), z.string()),
  columns: z.array(column),
  /** The category of each subcategory, as far as ours goes: of the others it is not known here. */
  subcategories: z.record(z.string(), z.string()),
  rules: z.array(rule),
  customColumns: z.array(customColumn),
});

/** What FOCUS 1.4 asks of a Cost and Usage file, with the source of each rule, and what each column means here. */
export const focus = schema.parse(document);

/** The columns of our files, in their order: those of FOCUS by name, then our own. */
export const focusHeader: readonly string[] = [
  ...focus.columns
    .filter((one) => one.written)
    .map((one) => one.id)
    .toSorted(),
  ...focus.customColumns.map((one) => one.id),
];
