import {
  isBefore,
  type JournalAudit,
  type LedgerStore,
  type Position,
  type Shipping,
  type StoredRecord,
} from '#accounting/ledger/ports.ts';
import type { FigureFilter, Figures, FigureSpan, Period } from '#model/figures.ts';
import { heldOf } from '#model/held.ts';
import type { LimitNode } from '#model/limits.ts';
import type { ChargedTo } from '#model/usage-record.ts';
import { isWord, outcomes } from '#model/words.ts';
import type { LedgerSpending, LedgerSums } from './ports.ts';
import { noSums, plus } from './ledger-sums.ts';

export interface SpendingSources {
  readonly store: Pick<LedgerStore, 'figures' | 'journals' | 'checkpoint'>;
  readonly journal: Pick<JournalAudit, 'items'>;
  readonly shipping: Pick<Shipping, 'hold'>;
  /** The id of this gateway's journal. */
  readonly instance: string;
  /** Nobody else fills the store while this gateway runs: then it is not asked who wrote what. */
  readonly alone: boolean;
  /** How a period is read from roll-ups. */
  spansOf(period: Period): readonly FigureSpan[];
}

export interface SpendingAsked {
  readonly node: LimitNode;
  /** UTC ms of admission, [from, to). */
  readonly from: number;
  readonly to: number;
  readonly whose: 'own' | 'all';
  /** Just behind the last entry of the journal that is to count. */
  readonly until: Position;
}

/** Whether a caller passes a node. */
function passesNode({ kind, name, product }: LimitNode, caller: ChargedTo): boolean {
  if (product !== null && caller.product !== product) return false;
  if (kind === 'organisation') return caller.costCentrePath.split('/')[0] === name;
  if (kind === 'cost-centre') return `/${caller.costCentrePath}/`.includes(`/${name}/`);
  if (kind === 'end-user') return (caller.endUser ?? '') === name;
  return caller[kind] === name;
}

function filterOf({ kind, name, product }: LimitNode): readonly FigureFilter[] {
  const dimension = kind === 'organisation' ? 'cost-centre' : kind;
  // Hours of provisioned deployments are no calls, and no budget counts them.
  const filter: FigureFilter[] = [
    { dimension, values: [name] },
    { dimension: 'outcome', values: Object.keys(outcomes) },
  ];
  if (product !== null) filter.push({ dimension: 'product', values: [product] });
  return filter;
}

function sumsOf({ cost, listCost, internalCost, held, input, output, requests }: Figures): LedgerSums {
  return { cost, listCost, internalCost, held, tokens: input + output, requests };
}

function sumsOfRecord(record: StoredRecord): LedgerSums {
  return {
    cost: record.costNano ?? 0n,
    listCost: record.listNano ?? 0n,
    internalCost: record.internalNano ?? 0n,
    held: heldOf(record),
    tokens: BigInt((record.units.input ?? 0) + (record.units.output ?? 0)),
    requests: record.attempt === 1 ? 1n : 0n,
  };
}

/**
 * How far the store has followed the journal; null: not at all. One that was put back stands before the place that it was
 * shipped to, and whoever ships may not have noticed yet.
 */
async function followedTo(
  { store, instance }: Pick<SpendingSources, 'store' | 'instance'>,
  shipped: Position,
): Promise<Position | null> {
  const stored = (await store.checkpoint(instance))?.shipped ?? null;
  return stored !== null && isBefore(shipped, stored) ? shipped : stored;
}

/** What the journal holds beyond what the store has. */
function tailOf({ journal }: SpendingSources, asked: SpendingAsked, followed: Position | null): LedgerSums {
  const { node, from, to } = asked;
  let sums = noSums;
  for (const item of journal.items(followed, asked.until)) {
    if (item.kind === 'settle') {
      const { at, series, endUser } = item.record;
      if (at >= from && at < to && passesNode(node, { ...series.caller, endUser }))
        sums = plus(sums, sumsOfRecord(item.record));
    } else if (item.kind === 'adjustment') {
      const { at, postings } = item.adjustment;
      for (const { series, outcome, change } of at >= from && at < to ? postings : [])
        if (isWord(outcomes, outcome) && passesNode(node, { ...series.caller, endUser: null }))
          sums = plus(sums, { ...noSums, ...change });
    }
  }
  return sums;
}

/**
 * What a node has spent in a period, to the entry: from the store as far as it has followed the journal, and from the
 * journal from there on. Nothing is shipped meanwhile.
 */
export async function ledgerSpending(sources: SpendingSources, asked: SpendingAsked): Promise<LedgerSpending> {
  const { store, shipping, instance, alone } = sources;
  const filter = filterOf(asked.node);
  const { from, to } = asked;
  const figures = async (spans: readonly FigureSpan[], journal?: string): Promise<LedgerSums> => {
    const [row] = await store.figures({
      by: [],
      filter,
      spans,
      ...(journal === undefined ? {} : { instance: journal }),
    });
    return row === undefined ? noSums : sumsOf(row.figures);
  };
  const records: FigureSpan[] = [{ from, to, source: 'records', bucket: 0 }];
  return await shipping.hold(async (shipped) => {
    const tail = tailOf(sources, asked, await followedTo(sources, shipped));
    if (alone) {
      const spans = asked.node.kind === 'end-user' ? records : sources.spansOf({ from, to });
      return { own: plus(await figures(spans), tail), others: new Map() };
    }
    const others = new Map<string, LedgerSums>();
    for (const journal of asked.whose === 'own' ? [] : await store.journals()) {
      if (journal !== instance) others.set(journal, await figures(records, journal));
    }
    return { own: plus(await figures(records, instance), tail), others };
  });
}

const dayMs = 86_400_000;

/** Everybody whose calls stand in this gateway's journal since a day before `now`. */
export async function callersLately(
  { store, journal, shipping, instance }: Pick<SpendingSources, 'store' | 'journal' | 'shipping' | 'instance'>,
  { now, until }: { readonly now: number; readonly until: Position },
): Promise<readonly ChargedTo[]> {
  const callers = new Map<string, ChargedTo>();
  const add = (caller: ChargedTo): void => void callers.set(JSON.stringify(Object.values(caller)), caller);
  await shipping.hold(async (shipped) => {
    const spans: FigureSpan[] = [{ from: now - dayMs, to: null, source: 'records', bucket: 0 }];
    const by = ['subscription', 'product', 'consumer', 'cost-centre', 'end-user'] as const;
    for (const { keys } of await store.figures({ by, filter: [], spans, instance })) {
      const [subscription = '', product = '', consumer = '', costCentrePath = '', endUser = ''] = keys;
      add({ subscription, product, consumer, costCentrePath, endUser: endUser === '' ? null : endUser });
    }
    for (const item of journal.items(await followedTo({ store, instance }, shipped), until)) {
      if (item.kind !== 'settle') continue;
      const { subscription, product, consumer, costCentrePath } = item.record.series.caller;
      add({ subscription, product, consumer, costCentrePath, endUser: item.record.endUser });
    }
  });
  return [...callers.values()];
}
