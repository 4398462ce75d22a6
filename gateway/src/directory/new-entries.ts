import type { CreateProduct, CreateSubscription } from '@tollgate/contract/admin-api/subscriptions.ts';
import { Failure } from '#kernel/errors.ts';
import type { MergedDirectory } from './merge.ts';
import type { DeclaredDirectory, StoredProduct, StoredSubscription } from './ports.ts';

/** What a new entry is checked against. */
export interface KnownDirectory {
  readonly declared: DeclaredDirectory;
  readonly merged: MergedDirectory;
}

/** The product as it is stored. `now`: UTC ms. Throws `admin_conflict` and `admin_invalid`. */
export function newProduct(input: CreateProduct, { declared, merged }: KnownDirectory, now: number): StoredProduct {
  if (merged.products.has(input.name)) throw nameTaken('product', input.name);
  const unknown = input.models.filter((model) => !declared.models.has(model));
  if (unknown.length > 0)
    throw new Failure('admin_invalid', `The configuration has no model named ${quoted(unknown)}.`);
  return {
    name: input.name,
    models: [...new Set(input.models)],
    caps: {
      maxOutputTokens: input.caps?.maxOutputTokens ?? null,
      maxChoices: input.caps?.maxChoices ?? null,
      maxRequestBytes: input.caps?.maxRequestBytes ?? null,
    },
    unpriced: input.unpriced ?? 'refuse',
    createdAt: now,
  };
}

/** The subscription as it is stored, without its keys. `now`: UTC ms. Throws `admin_conflict` and `admin_invalid`. */
export function newSubscription(input: CreateSubscription, known: KnownDirectory, now: number): StoredSubscription {
  const { name, product, consumer, costCentre } = input;
  if (known.merged.subscriptions.has(name)) throw nameTaken('subscription', name);
  const costCentrePath = checkedCostCentrePath(input, known);
  const expiresAt = input.expiresAt === undefined ? null : Date.parse(input.expiresAt);
  if (expiresAt !== null && expiresAt <= now) throw new Failure('admin_invalid', '`expiresAt` has passed.');
  return { name, product, consumer, costCentre, costCentrePath, expiresAt, createdAt: now };
}

/** The path of the cost centre. Says everything that the subscription names wrongly at once. */
function checkedCostCentrePath(input: CreateSubscription, { declared, merged }: KnownDirectory): string {
  const { product, costCentre } = input;
  const path = declared.costCentres.get(costCentre);
  const wrong = [
    merged.products.has(product) ? [] : [`no product is named '${product}'`],
    path === undefined ? [`no cost centre is named '${costCentre}'`] : [],
    chargedElsewhere(input, merged, path),
  ].flat();
  if (path === undefined || wrong.length > 0)
    throw new Failure('admin_invalid', `The subscription cannot be made: ${wrong.join(', ')}.`);
  return path;
}

/** A consumer that is charged to two cost centres would be counted in neither as a whole. */
function chargedElsewhere(
  { consumer }: CreateSubscription,
  merged: MergedDirectory,
  path: string | undefined,
): readonly string[] {
  const others = [...merged.subscriptions.values()].map(({ subscription }) => subscription);
  const other = others.find((one) => one.consumer === consumer && one.costCentrePath !== path);
  if (path === undefined || other === undefined) return [];
  return [`the consumer '${consumer}' stands in two places: '${other.name}' charges it to '${other.costCentrePath}'`];
}

function nameTaken(kind: string, name: string): Failure {
  return new Failure('admin_conflict', `A ${kind} named '${name}' exists.`);
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(', ');
}
