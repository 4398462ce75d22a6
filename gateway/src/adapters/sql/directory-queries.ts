import type { Kysely, Selectable } from 'kysely';
import type {
  AuditAction,
  AuditActor,
  CommitResult,
  DirectoryChange,
  KeyDigest,
  KeySlot,
  NewAuditEntry,
  StoredAuditEntry,
  StoredDirectory,
  StoredProduct,
} from '#directory/ports.ts';
import { parseJson } from '#kernel/json.ts';

// A type alias, because Kysely's table maps need an index signature, which interfaces do not have.
/** The directory as every SQL store keeps it. */
export type DirectoryTables = {
  directory_product: {
    name: string;
    /** A JSON array of names. */
    models: string;
    max_output_tokens: number | null;
    max_choices: number | null;
    max_request_bytes: number | null;
    unpriced: StoredProduct['unpriced'];
    created_at: number;
  };
  directory_subscription: {
    name: string;
    product: string;
    consumer: string;
    cost_centre: string;
    cost_centre_path: string;
    expires_at: number | null;
    created_at: number;
  };
  directory_key: { subscription: string; slot: KeySlot; digest: string };
  directory_suspension: { subscription: string };
  directory_declared_name: { name: string };
  directory_limits: { node: string; settings: string };
  /** The amount is text: it may be more than a number holds. */
  directory_top_up: { id: string; budget: string; window_id: string; amount: string; reason: string; at: number };
  audit_entry: { id: number; at: number; actor: AuditActor; action: AuditAction; subject: string };
};
type Database = Kysely<DirectoryTables>;

/** Everything but the version. Reads several tables: within a transaction, a state of the directory that has been. */
export async function loadDirectory(database: Database): Promise<Omit<StoredDirectory, 'version'>> {
  const products = await database.selectFrom('directory_product').selectAll().execute();
  const subscriptions = await database.selectFrom('directory_subscription').selectAll().execute();
  const keys = await database.selectFrom('directory_key').selectAll().execute();
  const suspended = await database.selectFrom('directory_suspension').selectAll().execute();
  const limits = await database.selectFrom('directory_limits').selectAll().orderBy('node').execute();
  const topUps = await database.selectFrom('directory_top_up').selectAll().orderBy('at').orderBy('id').execute();
  const declaredNames = await database.selectFrom('directory_declared_name').selectAll().execute();
  return {
    products: products.map(productOf),
    subscriptions: subscriptions.map((row) => ({
      name: row.name,
      product: row.product,
      consumer: row.consumer,
      costCentre: row.cost_centre,
      costCentrePath: row.cost_centre_path,
      expiresAt: row.expires_at,
      createdAt: row.created_at,
    })),
    keys: keys.map(({ subscription, slot, digest }) => ({ subscription, slot, digest })),
    suspended: suspended.map((row) => row.subscription),
    declaredNames: declaredNames.map((row) => row.name),
    limits: limits.map(({ node, settings }) => ({ node, settings })),
    topUps: topUps.map(({ id, budget, window_id: window, amount, reason, at }) => ({
      id,
      budget,
      window,
      amount,
      reason,
      at,
    })),
  };
}

/**
 * Makes the change with its entries, or says why not. Within a transaction, while nobody else changes the directory:
 * what is free when it is looked for has to be free when it is taken.
 */
export async function commitChange(
  database: Database,
  change: DirectoryChange,
  entries: readonly NewAuditEntry[],
): Promise<CommitResult> {
  const refused = await refusal(database, change);
  if (refused !== undefined) return refused;
  await apply(database, change);
  await addToTrail(database, entries);
  return 'committed';
}

/** The newest entries first. */
export async function selectAuditTrail(
  database: Database,
  { before, limit }: { readonly before: number | null; readonly limit: number },
): Promise<readonly StoredAuditEntry[]> {
  const newest = database.selectFrom('audit_entry').selectAll().orderBy('id', 'desc').limit(limit);
  const rows = await (before === null ? newest : newest.where('id', '<', before)).execute();
  return rows.map(({ id, at, actor, action, subject }) => ({ id, at, actor, action, subject }));
}

function productOf(row: Selectable<DirectoryTables['directory_product']>): StoredProduct {
  const models = parseJson(row.models);
  if (!Array.isArray(models) || !models.every((model) => typeof model === 'string'))
    throw new Error(`The stored product '${row.name}' has no readable list of models.`);
  return {
    name: row.name,
    models,
    caps: {
      maxOutputTokens: row.max_output_tokens,
      maxChoices: row.max_choices,
      maxRequestBytes: row.max_request_bytes,
    },
    unpriced: row.unpriced,
    createdAt: row.created_at,
  };
}

async function refusal(database: Database, change: DirectoryChange): Promise<CommitResult | undefined> {
  if (change.kind === 'product-created') {
    const { name } = change.product;
    const rows = await database.selectFrom('directory_product').select('name').where('name', '=', name).execute();
    return rows.length > 0 ? 'name-taken' : undefined;
  }
  if (change.kind === 'subscription-created') {
    const { name } = change.subscription;
    const rows = await database
      .selectFrom('directory_subscription')
      .select('name')
      .where('name', '=', name)
      .union(database.selectFrom('directory_declared_name').select('name').where('name', '=', name))
      .execute();
    if (rows.length > 0) return 'name-taken';
    return (await digestTaken(database, change.keys)) ? 'digest-taken' : undefined;
  }
  if (change.kind === 'topped-up') {
    const { id } = change.topUp;
    const rows = await database.selectFrom('directory_top_up').select('id').where('id', '=', id).execute();
    return rows.length > 0 ? 'name-taken' : undefined;
  }
  if (change.kind === 'key-set') return (await digestTaken(database, [change.key])) ? 'digest-taken' : undefined;
  return undefined;
}

async function digestTaken(database: Database, keys: readonly KeyDigest[]): Promise<boolean> {
  const digests = keys.map((key) => key.digest);
  if (new Set(digests).size < digests.length) return true;
  const rows = await database.selectFrom('directory_key').select('digest').where('digest', 'in', digests).execute();
  return rows.length > 0;
}

async function apply(database: Database, change: DirectoryChange): Promise<void> {
  switch (change.kind) {
    case 'product-created':
      return await insertProduct(database, change.product);
    case 'subscription-created':
      return await insertSubscription(database, change);
    case 'key-set': {
      const { subscription, slot, digest } = change.key;
      await database
        .insertInto('directory_key')
        .values({ subscription, slot, digest })
        .onConflict((conflict) => conflict.columns(['subscription', 'slot']).doUpdateSet({ digest }))
        .execute();
      return;
    }
    case 'suspended':
      await database
        .insertInto('directory_suspension')
        .values({ subscription: change.subscription })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      return;
    case 'activated':
      await database.deleteFrom('directory_suspension').where('subscription', '=', change.subscription).execute();
      return;
    case 'names-declared':
      for (const name of change.names)
        await database
          .insertInto('directory_declared_name')
          .values({ name })
          .onConflict((conflict) => conflict.doNothing())
          .execute();
      return;
    case 'limits-changed':
      return await setLimits(database, change.changes);
    case 'topped-up': {
      const { window, ...topUp } = change.topUp;
      await database
        .insertInto('directory_top_up')
        .values({ ...topUp, window_id: window })
        .execute();
      return;
    }
    case 'top-up-revoked':
      await database.deleteFrom('directory_top_up').where('id', '=', change.id).execute();
      return;
    case 'noted':
  }
}

/** So many rows go into one statement: SQLite takes 32,766 values at a time. */
const rowsAtOnce = 500;

function pieces<Row>(rows: readonly Row[]): readonly (readonly Row[])[] {
  return Array.from({ length: Math.ceil(rows.length / rowsAtOnce) }, (_piece, at) =>
    rows.slice(at * rowsAtOnce, (at + 1) * rowsAtOnce),
  );
}

async function setLimits(
  database: Database,
  changes: Extract<DirectoryChange, { readonly kind: 'limits-changed' }>['changes'],
): Promise<void> {
  for (const piece of pieces(changes)) {
    await database
      .deleteFrom('directory_limits')
      .where(
        'node',
        'in',
        piece.map(({ node }) => node),
      )
      .execute();
    const set = piece.flatMap(({ node, settings }) => (settings === null ? [] : [{ node, settings }]));
    if (set.length > 0) await database.insertInto('directory_limits').values(set).execute();
  }
}

async function insertProduct(database: Database, product: StoredProduct): Promise<void> {
  await database
    .insertInto('directory_product')
    .values({
      name: product.name,
      models: JSON.stringify(product.models),
      max_output_tokens: product.caps.maxOutputTokens,
      max_choices: product.caps.maxChoices,
      max_request_bytes: product.caps.maxRequestBytes,
      unpriced: product.unpriced,
      created_at: product.createdAt,
    })
    .execute();
}

async function insertSubscription(
  database: Database,
  { subscription, keys }: Extract<DirectoryChange, { readonly kind: 'subscription-created' }>,
): Promise<void> {
  await database
    .insertInto('directory_subscription')
    .values({
      name: subscription.name,
      product: subscription.product,
      consumer: subscription.consumer,
      cost_centre: subscription.costCentre,
      cost_centre_path: subscription.costCentrePath,
      expires_at: subscription.expiresAt,
      created_at: subscription.createdAt,
    })
    .execute();
  await database
    .insertInto('directory_key')
    .values(keys.map((key) => ({ subscription: key.subscription, slot: key.slot, digest: key.digest })))
    .execute();
}

async function addToTrail(database: Database, entries: readonly NewAuditEntry[]): Promise<void> {
  if (entries.length === 0) return;
  const newest = await database
    .selectFrom('audit_entry')
    .select((select) => select.fn.max('id').as('id'))
    .executeTakeFirst();
  // Not left to the store: numbers that it gave to what was rolled back would be missing.
  const first = (newest?.id ?? 0) + 1;
  const rows = entries.map(({ at, actor, action, subject }, index) => ({
    id: first + index,
    at,
    actor,
    action,
    subject,
  }));
  for (const piece of pieces(rows)) await database.insertInto('audit_entry').values(piece).execute();
}
