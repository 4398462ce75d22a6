import { sql, type Generated, type Kysely, type Selectable } from 'kysely';
import type {
  AuditAction,
  AuditActor,
  CommitResult,
  DirectoryChange,
  DirectoryStore,
  KeyDigest,
  KeySlot,
  NewAuditEntry,
  StoredDirectory,
  StoredProduct,
} from '#directory/ports.ts';
import { parseJson } from '#kernel/json.ts';
import { migrate } from '../sqlite/migrate.ts';
import type { SqliteDatabase } from '../sqlite/open.ts';
import { directoryMigrations } from './migrations.ts';

// A type alias, because Kysely's table maps need an index signature, which interfaces do not have.
type Tables = {
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
  audit_entry: { id: Generated<number>; at: number; actor: AuditActor; action: AuditAction; subject: string };
};
type Database = Kysely<Tables>;

/** The directory's tables in a SQLite file that is open already; closing it stays with whoever opened it. */
export async function createSqliteDirectoryStore(database: SqliteDatabase): Promise<DirectoryStore> {
  await migrate(database, { component: 'directory', migrations: directoryMigrations });
  const kysely = database.kysely.$extendTables<Tables>();
  return {
    load: () => load(kysely),
    commit: (change, entries) =>
      synced(kysely, (connection) =>
        connection.transaction().execute(async (transaction) => {
          const refused = await refusal(transaction, change);
          if (refused !== undefined) return refused;
          await apply(transaction, change);
          await addToTrail(transaction, entries);
          return 'committed';
        }),
      ),
    async auditTrail({ before, limit }) {
      const newest = kysely.selectFrom('audit_entry').selectAll().orderBy('id', 'desc').limit(limit);
      const rows = await (before === null ? newest : newest.where('id', '<', before)).execute();
      return rows.map(({ id, at, actor, action, subject }) => ({ id, at, actor, action, subject }));
    },
  };
}

/**
 * Commits inside are on the disk when this resolves, whatever the durability of the file: they are rare, and a power
 * failure must not bring back a key that was taken out of force.
 */
async function synced<Result>(kysely: Database, run: (connection: Database) => Promise<Result>): Promise<Result> {
  return await kysely.connection().execute(async (connection) => {
    const before = await sql<{ synchronous: number }>`pragma synchronous`.execute(connection);
    await sql`pragma synchronous = full`.execute(connection);
    try {
      return await run(connection);
    } finally {
      await sql`pragma synchronous = ${sql.lit(before.rows[0]?.synchronous ?? 2)}`.execute(connection);
    }
  });
}

/** In one transaction: a state of the directory that has been. */
async function load(kysely: Database): Promise<StoredDirectory> {
  return await kysely.transaction().execute(async (transaction) => {
    const products = await transaction.selectFrom('directory_product').selectAll().execute();
    const subscriptions = await transaction.selectFrom('directory_subscription').selectAll().execute();
    const keys = await transaction.selectFrom('directory_key').selectAll().execute();
    const suspended = await transaction.selectFrom('directory_suspension').selectAll().execute();
    const declaredNames = await transaction.selectFrom('directory_declared_name').selectAll().execute();
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
    };
  });
}

function productOf(row: Selectable<Tables['directory_product']>): StoredProduct {
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
    case 'noted':
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
  for (const { at, actor, action, subject } of entries)
    await database.insertInto('audit_entry').values({ at, actor, action, subject }).execute();
}
