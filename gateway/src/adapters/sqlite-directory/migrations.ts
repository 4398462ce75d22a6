import type { Migration } from '../sql/migrations.ts';

const createTables: Migration = {
  name: 'create-directory',
  async up(database) {
    await database.schema
      .createTable('directory_product')
      .addColumn('name', 'text', (column) => column.primaryKey())
      .addColumn('models', 'text', (column) => column.notNull())
      .addColumn('max_output_tokens', 'integer')
      .addColumn('max_choices', 'integer')
      .addColumn('max_request_bytes', 'integer')
      .addColumn('unpriced', 'text', (column) => column.notNull())
      .addColumn('created_at', 'integer', (column) => column.notNull())
      .execute();
    await database.schema
      .createTable('directory_subscription')
      .addColumn('name', 'text', (column) => column.primaryKey())
      .addColumn('product', 'text', (column) => column.notNull())
      .addColumn('consumer', 'text', (column) => column.notNull())
      .addColumn('cost_centre', 'text', (column) => column.notNull())
      .addColumn('cost_centre_path', 'text', (column) => column.notNull())
      .addColumn('expires_at', 'integer')
      .addColumn('created_at', 'integer', (column) => column.notNull())
      .execute();
    // Without foreign keys to directory_subscription: declared subscriptions have keys and suspensions here too.
    await database.schema
      .createTable('directory_key')
      .addColumn('subscription', 'text', (column) => column.notNull())
      .addColumn('slot', 'text', (column) => column.notNull())
      .addColumn('digest', 'text', (column) => column.notNull().unique())
      .addPrimaryKeyConstraint('directory_key_slot', ['subscription', 'slot'])
      .execute();
    await database.schema
      .createTable('directory_suspension')
      .addColumn('subscription', 'text', (column) => column.primaryKey())
      .execute();
    await database.schema
      .createTable('directory_declared_name')
      .addColumn('name', 'text', (column) => column.primaryKey())
      .execute();
    await database.schema
      .createTable('audit_entry')
      .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
      .addColumn('at', 'integer', (column) => column.notNull())
      .addColumn('actor', 'text', (column) => column.notNull())
      .addColumn('action', 'text', (column) => column.notNull())
      .addColumn('subject', 'text', (column) => column.notNull())
      .execute();
  },
};

const createLimits: Migration = {
  name: 'create-limits',
  async up(database) {
    await database.schema
      .createTable('directory_limits')
      .addColumn('node', 'text', (column) => column.primaryKey())
      .addColumn('settings', 'text', (column) => column.notNull())
      .execute();
    await database.schema
      .createTable('directory_top_up')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('budget', 'text', (column) => column.notNull())
      .addColumn('window_id', 'text', (column) => column.notNull())
      .addColumn('amount', 'text', (column) => column.notNull())
      .addColumn('reason', 'text', (column) => column.notNull())
      .addColumn('at', 'integer', (column) => column.notNull())
      .execute();
  },
};

/** In the order in which they were released; one that was released is never edited. */
export const directoryMigrations: readonly Migration[] = [createTables, createLimits];
