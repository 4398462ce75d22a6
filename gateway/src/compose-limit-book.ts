import type { Config } from './config-sections.ts';
import { createLimitBook, type ListedLimitBook } from '#accounting/budgets/limit-book.ts';
import type { LimitSettings } from '#model/limit-settings.ts';

/** Everything that the configuration says about limits and budgets. */
export function limitBookOf(config: Config, version: number): ListedLimitBook {
  const nodes = new Map<string, LimitSettings>();
  const { limits, budget, budgets } = config;
  nodes.set(`organisation/${config.organisation}`, { limits, budget, budgets });
  for (const [name, settings] of Object.entries(config.costCentres)) nodes.set(`cost-centre/${name}`, settings);
  for (const [name, settings] of Object.entries(config.consumers)) nodes.set(`consumer/${name}`, settings);
  for (const [name, settings] of Object.entries(config.subscriptions)) nodes.set(`subscription/${name}`, settings);
  const perSubscription = new Map<string, LimitSettings>();
  const perEndUser = new Map<string, LimitSettings>();
  for (const [name, settings] of Object.entries(config.products)) {
    nodes.set(`product/${name}`, settings);
    perSubscription.set(name, settings.perSubscription);
    perEndUser.set(name, settings.perEndUser);
  }
  return createLimitBook({
    version,
    timeZone: config.timeZone,
    fiscalYearStart: config.fiscalYearStart,
    nodes,
    perSubscription,
    perEndUser,
    topUps: new Map(),
  });
}
