import type { Cost, PriceLayer } from './money.ts';
import type { Operation } from './operation.ts';
import type { Measured, Outcome } from './usage-record.ts';

/** A closed list of words, as a table: a word of the type that is missing here does not compile. */
export type Words<Word extends string> = Readonly<Record<Word, true>>;

export const outcomes: Words<Outcome> = {
  completed: true,
  'client-left': true,
  'upstream-broke': true,
  'timed-out': true,
  'filtered-prompt': true,
  'filtered-completion': true,
  'refused-by-upstream': true,
  'hedge-lost': true,
  'gateway-lost': true,
};

/** See `RollUpOutcome` of the ledger. */
export const rollUpOutcomes: Words<Outcome | 'allocated' | 'idle'> = { ...outcomes, allocated: true, idle: true };

export const measuredKinds: Words<Measured> = {
  reported: true,
  delivered: true,
  tokenized: true,
  estimated: true,
  none: true,
  unknown: true,
};

export const operations: Words<Operation> = {
  'chat.completions': true,
  completions: true,
  embeddings: true,
  responses: true,
  'models.list': true,
  'models.retrieve': true,
  'batches.create': true,
};

/** What a series may stand for: see `Series.operation`. */
export const seriesOperations: Words<Operation | 'none'> = { ...operations, none: true };

export const layers: Words<PriceLayer> = { list: true, contracted: true, internal: true };

export const pricings: Words<Cost['pricing']> = { token: true, ptu: true };

/** Whether something read from a file is one of the words. */
export function isWord<Word extends string>(words: Words<Word>, value: unknown): value is Word {
  return typeof value === 'string' && Object.hasOwn(words, value);
}
