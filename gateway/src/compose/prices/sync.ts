import type { PriceSync, PriceSyncRequest, RetailQuery } from '@tollgate/contract/admin-api/prices.ts';
import { priceFileText } from '#accounting/retail/file-rows.ts';
import { parseMeterRules, type MeterRules } from '#accounting/retail/meter-rules.ts';
import { planSync, type SyncPlan } from '#accounting/retail/plan-sync.ts';
import { showPlan } from '#accounting/retail/show-plan.ts';
import { formatProblem } from '#config/problem.ts';
import { readShippedData } from '#config/shipped-data.ts';
import type { ConfigWatcher } from '#config/watch.ts';
import { Failure } from '#kernel/errors.ts';
import { withoutConflicts, type Rules } from '#compose/rules.ts';
import type { Snapshots } from '#compose/snapshots.ts';
import type { Config } from '#config-sections.ts';

/** Takes what was read of Azure's price list, and puts it in force. */
export interface PriceSynchroniser {
  readonly query: RetailQuery;
  /** Rejects where the list cannot be used or the file cannot be written; then nothing has changed. */
  sync(request: PriceSyncRequest): Promise<PriceSync>;
}

interface Parts {
  readonly rules: Rules;
  readonly snapshots: Snapshots;
  readonly watcher: ConfigWatcher<Config>;
}

export function composePriceSync(parts: Parts): PriceSynchroniser {
  const meterRules = parseMeterRules(readShippedData('retail-meters.json'));
  return { query: meterRules.query, sync: async (request) => await sync(parts, meterRules, request) };
}

async function sync(parts: Parts, meterRules: MeterRules, request: PriceSyncRequest): Promise<PriceSync> {
  const { rules, snapshots, watcher } = parts;
  const { config } = watcher.current();
  const file = rules.lists.pathFor(config);
  const now = rules.listOf(config);
  checkItems(request);
  const plan = planSync({
    items: request.items,
    rules: meterRules,
    before: now.read,
    inForce: now.prices,
    source: {
      key: `azure-${request.readAt}`,
      words: `Azure Retail Prices API (${request.url}), read ${request.readAt}`,
    },
  });
  checkPlan(plan, request);
  const text = priceFileText(plan.file);
  const parsed = withoutConflicts(rules.lists.parse(file, text), file);
  if (!parsed.ok) throw refusal('The list contradicts itself', parsed.problems.map(formatProblem));
  if (!request.dryRun) await apply(parts, { file, text, before: now.text });
  return {
    applied: !request.dryRun,
    file,
    priceBook: snapshots.priceBook().id,
    read: request.items.length,
    ...showPlan(plan),
    text,
  };
}

async function apply(
  { rules, watcher }: Parts,
  { file, text, before }: { readonly file: string; readonly text: string; readonly before: string | null },
): Promise<void> {
  try {
    rules.lists.write(file, text);
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : 'no reason given';
    throw refusal('The price file cannot be written', [
      `${reason}. Make ${file} writable for the gateway, name another as \`priceFile\`, or write it elsewhere with --output.`,
    ]);
  }
  const outcome = await watcher.reload();
  if (outcome.ok) return;
  // The configuration file beside it is broken: nothing is put in force by halves.
  rules.lists.write(file, before);
  throw refusal('The prices were not put in force, because the configuration cannot be loaded', outcome.problems);
}

function checkItems({ items }: PriceSyncRequest): void {
  const currencies = [...new Set(items.map((item) => item.currencyCode))].filter((code) => code !== 'USD');
  if (currencies.length > 0) {
    throw refusal('Prices are kept in USD', [
      `The list is in ${currencies.join(', ')}. Read it with currencyCode=USD.`,
    ]);
  }
}

function checkPlan(plan: SyncPlan, { items }: PriceSyncRequest): void {
  const mapped = plan.added.length + plan.changed.length + plan.ended.length + plan.unchanged;
  if (mapped > 0) return;
  const why = items.length === 0 ? 'it is empty' : `none of its ${items.length} items is a meter of Azure OpenAI`;
  throw refusal('This is no price list of Azure OpenAI', [`${why}. Is the filter the right one?`]);
}

const refusal = (what: string, why: readonly string[]): Failure =>
  new Failure('admin_invalid', `${what}: ${why.join(' ')}`);
