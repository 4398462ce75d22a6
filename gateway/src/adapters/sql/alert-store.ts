import { sql, type Kysely, type Selectable } from 'kysely';
import {
  alertTypes,
  type AddResult,
  type Alert,
  type AlertStore,
  type AlertType,
  type Delivery,
  type ListedDelivery,
} from '#accounting/alerts/ports.ts';
import type { Migration } from './migrations.ts';

// A type alias, because Kysely's table maps need an index signature, which interfaces do not have.
type AlertTables = {
  budget_alert: { id: string; type: string; at: number; budget: string; window_end: number; body: string };
  budget_alert_delivery: {
    alert: string;
    receiver: string;
    state: ListedDelivery['state'];
    attempts: number;
    /** UTC ms: when it may be taken next. */
    next_at: number;
    error: string | null;
  };
};

const statements = [
  `create table budget_alert (
    id text primary key, type text not null, at bigint not null, budget text not null, window_end bigint not null,
    body text not null
  )`,
  `create index budget_alert_at on budget_alert (at, id)`,
  `create table budget_alert_delivery (
    alert text not null, receiver text not null, state text not null, attempts integer not null, next_at bigint not null,
    error text, primary key (alert, receiver)
  )`,
  `create index budget_alert_delivery_due on budget_alert_delivery (state, next_at)`,
];

/** The same for every SQL store. */
export const alertMigrations: readonly Migration[] = [
  {
    name: '0001-alerts',
    async up(database) {
      for (const statement of statements) await sql.raw(statement).execute(database);
    },
  },
];

export interface AlertStoreOptions {
  readonly database: Kysely<unknown>;
  /** Others take deliveries from the same tables at the same time: what one looks at the next one passes over. */
  readonly shared: boolean;
}

const asAlert = (row: Selectable<AlertTables['budget_alert']>): Alert => ({
  id: row.id,
  type: typeOf(row.type),
  at: row.at,
  budget: row.budget,
  windowEnd: row.window_end,
  body: row.body,
});

function typeOf(text: string): AlertType {
  const known = alertTypes.find((one) => one === text);
  if (known === undefined) throw new Error(`The stored event has the unknown type '${text}'.`);
  return known;
}

export function sqlAlertStore({ database, shared }: AlertStoreOptions): AlertStore {
  const kysely = database.$extendTables<AlertTables>();
  return {
    add: async (alert, to) => await kysely.transaction().execute(async (within) => await keep(within, alert, to)),
    take: async (asked) => await takeDue(kysely, asked, shared),
    async report({ id, receiver }, outcome) {
      const nextAt = outcome.delivered ? null : outcome.nextAt;
      await kysely
        .updateTable('budget_alert_delivery')
        .set((update) => ({
          state: outcome.delivered ? 'delivered' : stateOf(nextAt),
          attempts: update('attempts', '+', 1),
          error: outcome.delivered ? null : outcome.error,
          ...(nextAt === null ? {} : { next_at: nextAt }),
        }))
        .where('alert', '=', id)
        .where('receiver', '=', receiver)
        // One that was slow to answer may have been delivered by another gateway meanwhile.
        .where('state', '=', 'waiting')
        .execute();
    },
    async page({ before, limit }) {
      const newest = kysely.selectFrom('budget_alert').selectAll().orderBy('at', 'desc').orderBy('id', 'desc');
      const rows = await (
        before === null
          ? newest
          : newest.where(sql<boolean>`(at, id) < (select at, id from budget_alert where id = ${before})`)
      )
        .limit(limit)
        .execute();
      return await withDeliveries(kysely, rows);
    },
    async waiting() {
      const rows = await kysely
        .selectFrom('budget_alert_delivery')
        .select('receiver')
        .select((select) => select.fn.countAll().as('count'))
        .where('state', '=', 'waiting')
        .groupBy('receiver')
        .orderBy('receiver')
        .execute();
      return rows.map(({ receiver, count }) => ({ receiver, count: Number(count) }));
    },
    async forget(endedBefore) {
      return await kysely.transaction().execute(async (transaction) => {
        const old = transaction.selectFrom('budget_alert').select('id').where('window_end', '<', endedBefore);
        await transaction.deleteFrom('budget_alert_delivery').where('alert', 'in', old).execute();
        const gone = await transaction
          .deleteFrom('budget_alert')
          .where('window_end', '<', endedBefore)
          .returning('id')
          .execute();
        return gone.length;
      });
    },
  };
}

async function keep(
  transaction: Kysely<AlertTables>,
  alert: Alert,
  { receivers, mostKept }: Parameters<AlertStore['add']>[1],
): Promise<AddResult> {
  const { id, type, at, budget, windowEnd, body } = alert;
  const known = await transaction.selectFrom('budget_alert').select('id').where('id', '=', id).execute();
  if (known.length > 0) return 'known';
  const [counted] = await transaction
    .selectFrom('budget_alert')
    .select((select) => select.fn.countAll().as('count'))
    .execute();
  if (Number(counted?.count ?? 0) >= mostKept) return 'full';
  const added = await transaction
    .insertInto('budget_alert')
    .values({ id, type, at, budget, window_end: windowEnd, body })
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .execute();
  // Another gateway was faster.
  if (added.length === 0) return 'known';
  const waiting = { state: 'waiting' as const, attempts: 0, next_at: at, error: null };
  if (receivers.length > 0)
    await transaction
      .insertInto('budget_alert_delivery')
      .values(receivers.map((receiver) => ({ alert: id, receiver, ...waiting })))
      .execute();
  return 'added';
}

const stateOf = (nextAt: number | null): ListedDelivery['state'] => (nextAt === null ? 'given-up' : 'waiting');

async function takeDue(
  kysely: Kysely<AlertTables>,
  { receivers, now, until, limit }: Parameters<AlertStore['take']>[0],
  shared: boolean,
): Promise<readonly Delivery[]> {
  if (receivers.length === 0) return [];
  const passOver = shared ? sql`for update skip locked` : sql``;
  const { rows } = await sql<{ alert: string; receiver: string; attempts: number }>`
    update budget_alert_delivery set next_at = ${until}
    where (alert, receiver) in (
      select alert, receiver from budget_alert_delivery
      where state = 'waiting' and next_at <= ${now} and receiver in (${sql.join(receivers)})
      order by next_at limit ${limit} ${passOver}
    )
    returning alert, receiver, attempts`.execute(kysely);
  if (rows.length === 0) return [];
  const alerts = await kysely
    .selectFrom('budget_alert')
    .selectAll()
    .where(
      'id',
      'in',
      rows.map(({ alert }) => alert),
    )
    .execute();
  const byId = new Map(alerts.map((row) => [row.id, asAlert(row)]));
  return rows.flatMap(({ alert, receiver, attempts }) => {
    const found = byId.get(alert);
    return found === undefined ? [] : [{ alert: found, receiver, attempts }];
  });
}

async function withDeliveries(
  kysely: Kysely<AlertTables>,
  rows: readonly Selectable<AlertTables['budget_alert']>[],
): ReturnType<AlertStore['page']> {
  if (rows.length === 0) return [];
  const deliveries = await kysely
    .selectFrom('budget_alert_delivery')
    .selectAll()
    .where(
      'alert',
      'in',
      rows.map(({ id }) => id),
    )
    .orderBy('receiver')
    .execute();
  return rows.map((row) => ({
    ...asAlert(row),
    deliveries: deliveries
      .filter(({ alert }) => alert === row.id)
      .map(({ receiver, state, attempts, next_at: nextAt, error }) => ({
        receiver,
        state,
        attempts,
        nextAt: state === 'waiting' ? nextAt : null,
        error,
      })),
  }));
}
