import { atOnce, type Steps } from '#kernel/steps.ts';
import { defaultRoutingTerms } from '#model/priority.ts';
import type { Product, Subscription, SubscriptionDirectory } from '#model/caller.ts';
import type { DeclaredDirectory, KeyDigest, KeySlot, StoredDirectory, StoredSubscription } from './ports.ts';

type DeclaredIn = 'config' | 'admin';

export interface MergedProduct {
  readonly product: Product;
  readonly declaredIn: DeclaredIn;
}

export interface MergedSubscription {
  readonly subscription: Subscription;
  readonly declaredIn: DeclaredIn;
  /** Suspended by the configuration file, which only the file can undo. */
  readonly suspendedByConfig: boolean;
  /** Where the key in each slot comes from; null where there is none. */
  readonly keys: Readonly<Record<KeySlot, DeclaredIn | null>>;
  /** UTC ms; null where the configuration declares it. */
  readonly createdAt: number | null;
}

/** What the configuration declares and what the admin API made, as one. */
export interface MergedDirectory {
  readonly products: ReadonlyMap<string, MergedProduct>;
  readonly subscriptions: ReadonlyMap<string, MergedSubscription>;
  /** Every digest in force, those that are refused because two subscriptions hold them included. */
  readonly digests: ReadonlySet<string>;
  readonly current: SubscriptionDirectory;
  /** What contradicts itself, in sentences for the operator; serving goes on as each of them says. */
  readonly problems: readonly string[];
}

const byName = (a: { readonly name: string }, b: { readonly name: string }): number => (a.name < b.name ? -1 : 1);

/** Where both sides name the same thing the configuration wins: the file is what people review. */
export function mergeDirectory(declared: DeclaredDirectory, stored: StoredDirectory): MergedDirectory {
  return atOnce(mergingDirectory(declared, stored));
}

export function* mergingDirectory(declared: DeclaredDirectory, stored: StoredDirectory): Steps<MergedDirectory> {
  const problems: string[] = [];
  const products = mergeProducts({ declared, stored, problems });
  yield;
  const keys = yield* mergeKeys({ declared, stored, problems });
  const subscriptions = yield* mergeSubscriptions({ declared, stored, problems }, products, keys);
  const byDigest = yield* acceptedDigests({ keys, subscriptions, problems });
  return {
    products,
    subscriptions,
    digests: new Set(keys.map((key) => key.digest)),
    problems,
    current: Object.freeze({
      products: new Map([...products].map(([name, one]) => [name, one.product])),
      subscriptions: new Map([...subscriptions].map(([name, one]) => [name, one.subscription])),
      byKeyDigest: (digest: string) => byDigest.get(digest),
    }),
  };
}

interface Sources {
  readonly declared: DeclaredDirectory;
  readonly stored: StoredDirectory;
  /** Added to. */
  readonly problems: string[];
}

function mergeProducts({ declared, stored, problems }: Sources): ReadonlyMap<string, MergedProduct> {
  const merged: MergedProduct[] = declared.products.map((product) => ({ product, declaredIn: 'config' }));
  const names = new Set(declared.products.map((product) => product.name));
  for (const made of stored.products) {
    if (names.has(made.name)) {
      problems.push(
        `Product '${made.name}' is declared in the configuration and was also made through the admin API: the configuration is in force.`,
      );
      continue;
    }
    const { name, models, caps, unpriced } = made;
    const gone = models.filter((model) => !declared.models.has(model));
    if (gone.length > 0)
      problems.push(`Product '${name}' allows models that the configuration no longer has: ${gone.join(', ')}.`);
    const product: Product = Object.freeze({
      name,
      models: new Set(models),
      caps: Object.freeze({ ...caps }),
      unpriced,
      batches: false,
      routing: defaultRoutingTerms,
    });
    merged.push({ product, declaredIn: 'admin' });
  }
  const sorted = merged.toSorted((a, b) => byName(a.product, b.product));
  return new Map(sorted.map((one) => [one.product.name, one]));
}

interface MergedKey extends KeyDigest {
  readonly from: DeclaredIn;
}

function* mergeKeys({ declared, stored, problems }: Sources): Steps<readonly MergedKey[]> {
  const merged: MergedKey[] = declared.keys.map((key) => ({
    ...key,
    digest: key.digest.toLowerCase(),
    from: 'config',
  }));
  yield;
  const taken = new Set(merged.map(slotOf));
  for (const key of stored.keys) {
    yield;
    if (taken.has(slotOf(key)))
      problems.push(
        `The ${key.slot} key of subscription '${key.subscription}' comes from the configuration: the one made through the admin API is out of force.`,
      );
    else merged.push({ ...key, from: 'admin' });
  }
  return merged;
}

function slotOf(key: KeyDigest): string {
  return `${key.subscription}/${key.slot}`;
}

function* mergeSubscriptions(
  { declared, stored, problems }: Sources,
  products: ReadonlyMap<string, MergedProduct>,
  keys: readonly MergedKey[],
): Steps<ReadonlyMap<string, MergedSubscription>> {
  const suspended = new Set(stored.suspended);
  const bySlot = new Map(keys.map((key) => [slotOf(key), key.from]));
  const keysOf = (name: string): MergedSubscription['keys'] => ({
    primary: bySlot.get(`${name}/primary`) ?? null,
    secondary: bySlot.get(`${name}/secondary`) ?? null,
  });
  yield;
  const merged: MergedSubscription[] = [];
  for (const one of declared.subscriptions) {
    merged.push({
      subscription: Object.freeze({ ...one, suspended: one.suspended || suspended.has(one.name) }),
      declaredIn: 'config',
      suspendedByConfig: one.suspended,
      keys: keysOf(one.name),
      createdAt: null,
    });
    yield;
  }
  const names = new Set(declared.subscriptions.map((one) => one.name));
  for (const made of stored.subscriptions) {
    yield;
    if (names.has(made.name)) {
      problems.push(
        `Subscription '${made.name}' is declared in the configuration and was also made through the admin API: the configuration is in force, the keys made so far stay valid.`,
      );
      continue;
    }
    merged.push({
      subscription: Object.freeze({
        name: made.name,
        product: productOf(made, products, problems),
        consumer: made.consumer,
        costCentrePath: costCentrePathOf(made, declared, problems),
        suspended: suspended.has(made.name),
        expiresAt: made.expiresAt,
      }),
      declaredIn: 'admin',
      suspendedByConfig: false,
      keys: keysOf(made.name),
      createdAt: made.createdAt,
    });
  }
  const sorted = merged.toSorted((a, b) => byName(a.subscription, b.subscription));
  yield;
  return new Map(sorted.map((one) => [one.subscription.name, one]));
}

/** A product that is gone allows nothing: the caller is known and refused, rather than told that its key is wrong. */
function productOf(
  made: StoredSubscription,
  products: ReadonlyMap<string, MergedProduct>,
  problems: string[],
): Product {
  const found = products.get(made.product);
  if (found !== undefined) return found.product;
  problems.push(
    `Subscription '${made.name}' has the product '${made.product}', which no longer exists: it may call no model until the product is back.`,
  );
  return Object.freeze({
    name: made.product,
    models: new Set<string>(),
    caps: { maxOutputTokens: null, maxChoices: null, maxRequestBytes: null },
    unpriced: 'refuse',
    batches: false,
    routing: defaultRoutingTerms,
  });
}

function costCentrePathOf(made: StoredSubscription, declared: DeclaredDirectory, problems: string[]): string {
  const path = declared.costCentres.get(made.costCentre);
  if (path !== undefined) return path;
  problems.push(
    `Subscription '${made.name}' has the cost centre '${made.costCentre}', which the configuration no longer has: it is charged as '${made.costCentrePath}', as before.`,
  );
  return made.costCentrePath;
}

/** A key that several subscriptions hold identifies none of them: charging the wrong team is worse than a refusal. */
function* acceptedDigests(from: {
  readonly keys: readonly MergedKey[];
  readonly subscriptions: ReadonlyMap<string, MergedSubscription>;
  readonly problems: string[];
}): Steps<ReadonlyMap<string, Subscription>> {
  const holders = new Map<string, MergedKey[]>();
  for (const key of from.keys) {
    yield;
    // A name that is declared nowhere at present keeps its keys for the day it comes back.
    if (!from.subscriptions.has(key.subscription)) continue;
    const others = holders.get(key.digest);
    if (others === undefined) holders.set(key.digest, [key]);
    else others.push(key);
  }
  const accepted = new Map<string, Subscription>();
  for (const [digest, keys] of holders) {
    yield;
    const [first] = keys;
    const subscription = first && from.subscriptions.get(first.subscription)?.subscription;
    if (subscription === undefined) continue;
    const ambiguous = keys.some((key) => key.subscription !== subscription.name);
    if (!ambiguous) accepted.set(digest, subscription);
    if (keys.length > 1) {
      const slots = keys.map((key) => `the ${key.slot} key of '${key.subscription}'`).join(' and ');
      from.problems.push(`The same key stands twice, as ${slots}${ambiguous ? ': it is accepted for neither' : ''}.`);
    }
  }
  return accepted;
}
