import { sql } from 'kysely';
import type { Migration } from '../sql/migrations.ts';

const statements = [
  `create table directory_product (
    name text primary key, models text not null, max_output_tokens bigint, max_choices bigint, max_request_bytes bigint,
    unpriced text not null, created_at bigint not null
  )`,
  `create table directory_subscription (
    name text primary key, product text not null, consumer text not null, cost_centre text not null,
    cost_centre_path text not null, expires_at bigint, created_at bigint not null
  )`,
  // Without foreign keys to directory_subscription: declared subscriptions have keys and suspensions here too.
  `create table directory_key (
    subscription text not null, slot text not null, digest text not null unique, primary key (subscription, slot)
  )`,
  `create table directory_suspension (subscription text primary key)`,
  `create table directory_declared_name (name text primary key)`,
  `create table audit_entry (
    id bigint primary key, at bigint not null, actor text not null, action text not null, subject text not null
  )`,
  `create table directory_version (version bigint not null)`,
  `insert into directory_version values (0)`,
];

const limits = [
  `create table directory_limits (node text primary key, settings text not null)`,
  `create table directory_top_up (
    id text primary key, budget text not null, window_id text not null, amount text not null, reason text not null,
    at bigint not null
  )`,
];

/**
 * A version counts changes, and two servers that have made as many after a failover that lost some are not the same: every
 * change leaves a mark of its own.
 */
const marks = `alter table directory_version add column mark text not null default ''`;

/** In the order in which they were released; one that was released is never edited. */
export const directoryMigrations: readonly Migration[] = [
  {
    name: '0001-directory',
    async up(database) {
      for (const statement of statements) await sql.raw(statement).execute(database);
    },
  },
  {
    name: '0002-limits',
    async up(database) {
      for (const statement of limits) await sql.raw(statement).execute(database);
    },
  },
  {
    name: '0003-marks',
    async up(database) {
      await sql.raw(marks).execute(database);
    },
  },
];
