import type { LimitList } from '@tollgate/contract/admin-api/budgets.ts';
import type { MergedLimits } from './limit-book.ts';
import type { AdminLimits } from '#directory/ports.ts';
import { parseJsonObject, type JsonObject } from '#kernel/json.ts';
import type { LimitSettings } from '#model/limit-settings.ts';

/** Everything that is set of limits and budgets, in the shape in which the admin API takes it. */
export function limitList({ declared, made }: MergedLimits, { limits }: AdminLimits): LimitList {
  const nodes: LimitList['nodes'] = [];
  for (const [node, settings] of declared)
    nodes.push({ node, declaredIn: 'config', settings: { ...asGiven(settings) } });
  for (const { node, settings } of limits)
    if (made.has(node)) nodes.push({ node, declaredIn: 'admin', settings: { ...parseJsonObject(settings) } });
  return { nodes: nodes.toSorted((one, other) => (one.node < other.node ? -1 : 1)) };
}

/** As people would write it: durations and days as text, and nothing that is not set. */
function asGiven({ limits, budget, budgets }: LimitSettings): JsonObject {
  const { rates, quotas, ...simple } = limits;
  const shownLimits = {
    ...simple,
    ...(rates.length === 0 ? {} : { rates: rates.map((one) => ({ ...one, per: `${one.per / 1000}s` })) }),
    ...(quotas.length === 0 ? {} : { quotas: quotas.map((one) => ({ ...one, warnAt: [...one.warnAt] })) }),
  };
  const named = Object.entries(budgets).map(([name, one]) => [name, shownBudget(one)] as const);
  return {
    ...(Object.values(shownLimits).some((one) => one !== undefined) ? { limits: shownLimits } : {}),
    ...(budget === undefined ? {} : { budget: shownBudget(budget) }),
    ...(named.length === 0 ? {} : { budgets: Object.fromEntries(named) }),
  };
}

function shownBudget({ carryOver, warnAt, ...rest }: NonNullable<LimitSettings['budget']>): JsonObject {
  return {
    ...rest,
    warnAt: [...warnAt],
    ...(carryOver === undefined
      ? {}
      : { carryOver: { ...carryOver, since: new Date(carryOver.since).toISOString().slice(0, 10) } }),
  };
}
