import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Context } from '#context.ts';
import { CommandFailure, exitCodes } from '#failure.ts';
import { Store, targetOf, type StoreOptions, type Target } from './client.ts';
import { planOf, type Change, type Plan } from './plan.ts';
import { splitConfiguration, type Entry } from './split.ts';

/** A configuration file as key values. Throws CommandFailure. */
export function entriesOf(file: string): readonly Entry[] {
  if (!existsSync(file)) throw new CommandFailure(`There is no file ${file}.`, { exitCode: exitCodes.usage });
  const split = splitConfiguration(readFileSync(file, 'utf8').replace(/^\uFEFF/, ''));
  if ('entries' in split) return split.entries;
  throw new CommandFailure(`${path.relative(process.cwd(), file)} cannot be put into a store: ${split.problem}.`, {
    hints: [split.fix],
  });
}

export interface Compared {
  readonly target: Target;
  readonly store: Store;
  readonly plan: Plan;
}

export async function compare(entries: readonly Entry[], options: StoreOptions, context: Context): Promise<Compared> {
  const target = targetOf(options, context);
  context.err.write(`… reading ${target.name}${labelWords(target)}\n`);
  const store = await Store.open(target);
  return { target, store, plan: planOf(entries, await store.list(), target.label) };
}

export const labelWords = ({ label }: Target): string => (label === null ? '' : `, label ${label}`);

/** What of a change a program wants to know. */
export const shownChange = ({ change, key }: Change): object => ({ change, key });
