import { createHash } from 'node:crypto';
import type { Account } from '#accounting/budgets/account.ts';
import { nodeText } from '#model/limits.ts';
import type { Alert, AlertType } from './ports.ts';

/** What has happened to a budget in a window; of a threshold, its per cent. */
export type Happening = number | 'exhausted';

/** From what is counted, in which window, and what happened: whoever decides it again decides the same event. */
function alertId(accountKey: string, happening: Happening): string {
  return `evt_${createHash('sha256').update(`${accountKey} ${happening}`).digest('hex').slice(0, 32)}`;
}

/** The event, with everything as it stands now. `at`: UTC ms. */
export function alertOf(account: Account, happening: Happening, at: number): Alert {
  const { budget, window, limit, total } = account;
  const type: AlertType = happening === 'exhausted' ? 'budget.exhausted' : 'budget.threshold';
  const held = total.unknown + total.inFlight;
  const data = {
    budget: budget.id,
    node: nodeText(budget.node),
    unit: budget.unit,
    ...(budget.unit === 'nano-usd' ? { layer: budget.layer } : {}),
    hard: budget.hard,
    ...(happening === 'exhausted' ? {} : { threshold: happening }),
    window: {
      id: window.id,
      start: new Date(window.start).toISOString(),
      end: new Date(window.end).toISOString(),
    },
    limit: String(limit),
    spent: String(total.spent),
    held: String(held),
    unknown: String(total.unknown),
  };
  return {
    id: alertId(account.key, happening),
    type,
    at,
    budget: budget.id,
    windowEnd: window.end,
    body: JSON.stringify({ type, timestamp: new Date(at).toISOString(), data }),
  };
}
