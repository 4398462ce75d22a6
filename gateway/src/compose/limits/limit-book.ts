import type { Config } from '#config-sections.ts';
import { limitBookSteps, type LimitDeclarations, type ListedLimitBook } from '#accounting/budgets/limit-book.ts';
import type { AdminLimits, StoredTopUp } from '#directory/ports.ts';
import { parseJson } from '#kernel/json.ts';
import { atOnce, type Steps } from '#kernel/steps.ts';
import { isSet, nodeLimits, type LimitSettings } from '#model/limit-settings.ts';

/** By node, with `product/standard/per-subscription` and `…/per-end-user` for what each of many has for itself. */
export type LimitsByNode = ReadonlyMap<string, LimitSettings>;

export interface MergedLimits {
  readonly book: ListedLimitBook;
  /** What the configuration sets; nobody else can set it. */
  readonly declared: LimitsByNode;
  /** What of it the admin API has set and is in force. */
  readonly made: LimitsByNode;
  /** What contradicts itself, in sentences for the operator; the rest is in force. */
  readonly problems: readonly string[];
}

/** Nodes of which the configuration sets anything. */
function* declaredLimits(config: Config): Steps<LimitsByNode> {
  const nodes = new Map<string, LimitSettings>();
  const add = (node: string, { limits, budget, budgets }: LimitSettings): void => {
    if (isSet({ limits, budget, budgets })) nodes.set(node, { limits, budget, budgets });
  };
  add(`organisation/${config.organisation}`, config);
  const { costCentres, consumers, subscriptions } = config;
  for (const [kind, all] of Object.entries({
    'cost-centre': costCentres,
    consumer: consumers,
    subscription: subscriptions,
  })) {
    for (const [name, settings] of Object.entries(all)) {
      add(`${kind}/${name}`, settings);
      yield;
    }
  }
  for (const [name, settings] of Object.entries(config.products)) {
    add(`product/${name}`, settings);
    add(`product/${name}/per-subscription`, settings.perSubscription);
    add(`product/${name}/per-end-user`, settings.perEndUser);
    yield;
  }
  return nodes;
}

function madeLimits({ limits }: AdminLimits, declared: LimitsByNode): Pick<MergedLimits, 'made' | 'problems'> {
  const made = new Map<string, LimitSettings>();
  const problems: string[] = [];
  for (const { node, settings } of limits) {
    const parsed = nodeLimits.safeParse(parseJson(settings));
    if (declared.has(node))
      problems.push(
        `Limits of ${node} are set in the configuration and were also set through the admin API: the configuration is in force.`,
      );
    else if (parsed.success) made.set(node, parsed.data);
    else
      problems.push(
        `Limits of ${node} that were set through the admin API are not understood by this version and not in force: set them anew.`,
      );
  }
  return { made, problems };
}

/** Everything that is set about limits and budgets: the configuration wins where both set something of a node. */
export function mergeLimits(config: Config, admin: AdminLimits, version: number): MergedLimits {
  return atOnce(mergingLimits(config, admin, version));
}

export function* mergingLimits(config: Config, admin: AdminLimits, version: number): Steps<MergedLimits> {
  const declared = yield* declaredLimits(config);
  const { made, problems } = madeLimits(admin, declared);
  yield;
  const nodes = new Map([...declared, ...made]);
  const book = yield* limitBookSteps(declarationsOf(config, { nodes, topUps: topUpsOf(admin.topUps), version }));
  return { book, declared, made, problems };
}

export function topUpsOf(topUps: readonly StoredTopUp[]): LimitDeclarations['topUps'] {
  const sums = new Map<string, Map<string, bigint>>();
  for (const { budget, window, amount } of topUps) {
    const ofBudget = sums.get(budget) ?? new Map<string, bigint>();
    ofBudget.set(window, (ofBudget.get(window) ?? 0n) + BigInt(amount));
    sums.set(budget, ofBudget);
  }
  return sums;
}

const eachOf = /^product\/([^/]+)\/per-(subscription|end-user)$/;

/** Exactly these limits, as a book is made of them; of the configuration, only its calendar. Plain data. */
export function declarationsOf(
  config: Pick<Config, 'timeZone' | 'fiscalYearStart'>,
  set: { readonly nodes: LimitsByNode; readonly topUps: LimitDeclarations['topUps']; readonly version: number },
): LimitDeclarations {
  const nodes = new Map<string, LimitSettings>();
  const perSubscription = new Map<string, LimitSettings>();
  const perEndUser = new Map<string, LimitSettings>();
  for (const [node, settings] of set.nodes) {
    const [, product, each] = eachOf.exec(node) ?? [];
    if (product === undefined) nodes.set(node, settings);
    else if (each === 'subscription') perSubscription.set(product, settings);
    else perEndUser.set(product, settings);
  }
  const { timeZone, fiscalYearStart } = config;
  const { version, topUps } = set;
  return { version, timeZone, fiscalYearStart, nodes, perSubscription, perEndUser, topUps };
}
