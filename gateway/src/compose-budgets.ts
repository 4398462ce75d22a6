import {
  budgetEventSchema,
  type BudgetEvent,
  type BudgetEventPage,
  type BudgetEventQuery,
} from '@tollgate/contract/admin-api/budgets.ts';
import type { AlertStore, ListedAlert } from '#accounting/alerts/ports.ts';
import type { AdminBudgets } from '#admin/ports.ts';
import { parseJsonObject } from '#kernel/json.ts';

export interface BudgetParts {
  readonly alerts: Pick<AlertStore, 'page'>;
}

const timeText = (time: number | null): string | null => (time === null ? null : new Date(time).toISOString());

/** Limits and budgets, as the admin API shows and changes them. */
export function adminBudgets(parts: BudgetParts): AdminBudgets {
  return {
    events: async (query) => await eventPage(parts.alerts, query),
  };
}

async function eventPage(alerts: BudgetParts['alerts'], { before, limit }: BudgetEventQuery): Promise<BudgetEventPage> {
  // One more than asked for tells whether a page follows.
  const found = await alerts.page({ before: before ?? null, limit: limit + 1 });
  const shown = found.slice(0, limit);
  return { events: shown.map(eventOf), next: found.length > limit ? (shown.at(-1)?.id ?? null) : null };
}

function eventOf({ id, body, deliveries }: ListedAlert): BudgetEvent {
  return budgetEventSchema.parse({
    ...parseJsonObject(body),
    id,
    deliveries: deliveries.map((one) => ({ ...one, nextAt: timeText(one.nextAt) })),
  });
}
