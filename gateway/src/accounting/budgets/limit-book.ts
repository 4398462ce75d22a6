import { atOnce, type Steps } from '#kernel/steps.ts';
import {
  nanoUsdOfAmount,
  quotaName,
  rateName,
  type BudgetSettings,
  type LimitSettings,
} from '#model/limit-settings.ts';
import {
  nodeText,
  type Budget,
  type Calendar,
  type CallerLimits,
  type Concurrency,
  type LimitBook,
  type LimitNode,
  type Rate,
} from '#model/limits.ts';
import type { ChargedTo } from '#model/usage-record.ts';
import { startOfDay } from './windows.ts';

/** Everything that is set of limits and budgets. */
export interface LimitDeclarations {
  /** Grows with every change. */
  readonly version: number;
  readonly timeZone: string;
  readonly fiscalYearStart: Calendar['fiscalYearStart'];
  /** By the node's text: `cost-centre/marketing`. */
  readonly nodes: ReadonlyMap<string, LimitSettings>;
  /** By product. */
  readonly perSubscription: ReadonlyMap<string, LimitSettings>;
  readonly perEndUser: ReadonlyMap<string, LimitSettings>;
  /** By budget id, then by window id; in the budget's unit. */
  readonly topUps: ReadonlyMap<string, ReadonlyMap<string, bigint>>;
}

/** A book that also shows what is in it. */
export interface ListedLimitBook extends LimitBook {
  /** Budgets and quotas of nodes; what each subscription or end user has for itself comes into being with its calls. */
  readonly budgets: readonly Budget[];
}

type NodeLimits = Omit<CallerLimits, 'version'>;

/** So many end users are remembered at a time; the others' limits are made anew, which costs microseconds. */
const rememberedEndUsers = 10_000;
const noTopUps: ReadonlyMap<string, bigint> = new Map();

export function createLimitBook(declarations: LimitDeclarations): ListedLimitBook {
  return atOnce(limitBookSteps(declarations));
}

export function* limitBookSteps(declarations: LimitDeclarations): Steps<ListedLimitBook> {
  const ofNode = new Map<string, NodeLimits>();
  for (const [text, settings] of declarations.nodes) {
    ofNode.set(text, limitsOfNode(nodeOf(text), settings, declarations));
    yield;
  }
  return bookOf(declarations, ofNode);
}

function bookOf(declarations: LimitDeclarations, ofNode: ReadonlyMap<string, NodeLimits>): ListedLimitBook {
  const { version } = declarations;
  const known = new WeakMap<ChargedTo, CallerLimits>();
  const endUsers = new Map<string, NodeLimits>();

  function ofEndUser(caller: ChargedTo): NodeLimits | undefined {
    const settings = declarations.perEndUser.get(caller.product);
    if (settings === undefined) return undefined;
    const node: LimitNode = { kind: 'end-user', name: caller.endUser ?? '', product: caller.product };
    const text = nodeText(node);
    let found = endUsers.get(text);
    if (found === undefined) {
      if (endUsers.size >= rememberedEndUsers) endUsers.clear();
      endUsers.set(text, (found = limitsOfNode(node, settings, declarations)));
    }
    return found;
  }

  function ofEachSubscription({ product, subscription }: ChargedTo): NodeLimits | undefined {
    const settings = declarations.perSubscription.get(product);
    const node: LimitNode = { kind: 'subscription', name: subscription, product };
    return settings === undefined ? undefined : limitsOfNode(node, settings, declarations);
  }

  return {
    version,
    budgets: [...ofNode.values()].flatMap(({ budgets }) => budgets),
    of(caller) {
      const found = known.get(caller);
      if (found !== undefined) return found;
      const passed = [
        ofEndUser(caller),
        ofEachSubscription(caller),
        ...nodesOf(caller).map((node) => ofNode.get(nodeText(node))),
      ].filter((one) => one !== undefined);
      const limits: CallerLimits = {
        version,
        budgets: passed.flatMap(({ budgets }) => budgets),
        rates: passed.flatMap(({ rates }) => rates),
        concurrency: passed.flatMap(({ concurrency }) => concurrency),
      };
      known.set(caller, limits);
      return limits;
    },
  };
}

const plain = (kind: LimitNode['kind'], name: string): LimitNode => ({ kind, name, product: null });

/** Every node that a caller passes, from the narrowest to the organisation. */
function nodesOf({ subscription, product, consumer, costCentrePath }: ChargedTo): readonly LimitNode[] {
  const [organisation = '', ...costCentres] = costCentrePath.split('/');
  return [
    plain('subscription', subscription),
    plain('product', product),
    plain('consumer', consumer),
    ...costCentres.toReversed().map((name) => plain('cost-centre', name)),
    plain('organisation', organisation),
  ];
}

const kinds: Readonly<Record<string, LimitNode['kind']>> = {
  organisation: 'organisation',
  'cost-centre': 'cost-centre',
  product: 'product',
  consumer: 'consumer',
  subscription: 'subscription',
};

function nodeOf(text: string): LimitNode {
  const slash = text.indexOf('/');
  const kind = kinds[text.slice(0, slash)];
  if (kind === undefined) throw new Error(`'${text}' is no node that limits can be set for.`);
  return { kind, name: text.slice(slash + 1), product: null };
}

function limitsOfNode(node: LimitNode, settings: LimitSettings, declarations: LimitDeclarations): NodeLimits {
  return {
    budgets: [...moneyOf(node, settings, declarations), ...quotasOf(node, settings, declarations)],
    rates: ratesOf(node, settings),
    concurrency: concurrencyOf(node, settings),
  };
}

function calendarOf(
  settings: Pick<BudgetSettings, 'every' | 'timeZone'>,
  { timeZone, fiscalYearStart }: LimitDeclarations,
): Calendar {
  return { every: settings.every, timeZone: settings.timeZone ?? timeZone, fiscalYearStart };
}

function moneyOf(node: LimitNode, { budget, budgets }: LimitSettings, declarations: LimitDeclarations): Budget[] {
  const named = Object.entries(budgets);
  if (budget !== undefined) named.unshift([budget.every, budget]);
  return named.map(([name, settings]) => {
    const id = `${nodeText(node)}/${name}`;
    const { carryOver } = settings;
    const calendar = calendarOf(settings, declarations);
    return {
      id,
      node,
      name,
      calendar,
      unit: 'nano-usd',
      amount: nanoUsdOfAmount(settings.amount),
      hard: settings.hard,
      layer: settings.layer,
      warnAt: ascending(settings.warnAt),
      carryOver: carryOver === undefined ? null : carryOverOf(carryOver, calendar),
      topUps: declarations.topUps.get(id) ?? noTopUps,
    };
  });
}

function carryOverOf(
  { since, atMost }: NonNullable<BudgetSettings['carryOver']>,
  { timeZone }: Calendar,
): NonNullable<Budget['carryOver']> {
  return {
    since: startOfDay(new Date(since).toISOString().slice(0, 10), timeZone),
    atMost: atMost === undefined ? null : nanoUsdOfAmount(atMost),
  };
}

function quotasOf(node: LimitNode, { limits }: LimitSettings, declarations: LimitDeclarations): Budget[] {
  return limits.quotas.map((settings) => {
    const name = quotaName(settings);
    const id = `${nodeText(node)}/${name}`;
    return {
      id,
      node,
      name,
      calendar: calendarOf(settings, declarations),
      unit: settings.tokens === undefined ? 'requests' : 'tokens',
      amount: BigInt(settings.tokens ?? settings.requests ?? 0),
      hard: settings.hard,
      layer: 'contracted',
      warnAt: ascending(settings.warnAt),
      carryOver: null,
      topUps: declarations.topUps.get(id) ?? noTopUps,
    };
  });
}

const ascending = (values: readonly number[]): readonly number[] =>
  [...new Set(values)].toSorted((one, other) => one - other);

function ratesOf(node: LimitNode, { limits }: LimitSettings): Rate[] {
  const minute = { per: 60_000, window: 'bucket' as const };
  const all = [...limits.rates];
  if (limits.requestsPerMinute !== undefined) all.unshift({ ...minute, requests: limits.requestsPerMinute });
  if (limits.tokensPerMinute !== undefined) all.unshift({ ...minute, tokens: limits.tokensPerMinute });
  return all.map((settings) => {
    const amount = settings.tokens ?? settings.requests ?? 0;
    return {
      id: `${nodeText(node)}/${rateName(settings)}`,
      node,
      unit: settings.tokens === undefined ? 'requests' : 'tokens',
      amount,
      perMs: settings.per,
      shape: settings.window,
      burst: settings.burst ?? amount,
    };
  });
}

function concurrencyOf(node: LimitNode, { limits }: LimitSettings): Concurrency[] {
  const permits = limits.concurrentRequests;
  return permits === undefined ? [] : [{ id: `${nodeText(node)}/concurrent-requests`, node, permits }];
}
