import { tokenProvider } from '#compose/identity.ts';
import { Outbox, type OutboxOptions } from '#accounting/ledger/outbox.ts';
import { isBefore, type JournalProgress, type LedgerSink, type Position } from '#accounting/ledger/ports.ts';
import { LogAnalytics, logAnalyticsSink, type LogAnalyticsTarget } from '#adapters/log-analytics/sink.ts';
import { openJournalFiles } from '#adapters/journal-files/journal-files.ts';
import type { Clock, Timer } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';

/** What is told of the ledger beside the store. Plain data, because it crosses a thread. */
export interface SinkRules extends LogAnalyticsTarget {
  /** A token provider, by name. */
  readonly identity: 'managed-identity' | 'workload-identity' | 'default';
  readonly clientId: string | undefined;
}

export interface SinkOptions {
  /** The journal's. */
  readonly folder: string;
  readonly progress: JournalProgress;
  /** Eight bytes: how many settles and adjustments have been told of. */
  readonly told: SharedArrayBuffer;
  readonly clock: Clock;
  readonly log: Log;
}

/** Makes the sinks of a journal: this gateway's own, or one that it adopts. */
export type OpenSinks = (folder: string) => readonly LedgerSink[];

export function sinksOf(rules: SinkRules | undefined, around: { readonly clock: Clock; readonly log: Log }): OpenSinks {
  if (rules === undefined) return () => [];
  const logs = new LogAnalytics(rules, tokenProvider(rules.identity, rules.clientId, around));
  return (folder) => [logAnalyticsSink(folder, logs)];
}

export interface SinkShipping {
  start(instance: string): Promise<void>;
  nudge(): void;
  /** Everything before it has been told of; undefined where nobody is told. */
  readonly stored: Position | undefined;
  /** Tells what is left, waiting so long at most, and ends; true where nothing is left. */
  finish(timeoutMs: number): Promise<boolean>;
}

/** How often is looked for more where nobody has said that there is. */
const lookEveryMs = 5_000;

/** The journal's progress as a sink sees it: how far the store is, and whether it has to be told, is another matter. */
export function sinkProgress(progress: JournalProgress, ship: (settles: number) => void): OutboxOptions['progress'] {
  return {
    written: () => progress.written(),
    lowWater: () => progress.lowWater(),
    settles: () => progress.settles(),
    look: () => undefined,
    ship,
  };
}

/** Carries the journal into its sinks, each for itself: one that fails is behind, and holds up nobody. */
export function shipToSinks(open: OpenSinks, options: SinkOptions): SinkShipping {
  const { folder, progress, told, clock, log } = options;
  const cell = new BigInt64Array(told);
  const shipping = open(folder).map((sink) => {
    const files = openJournalFiles(folder);
    const outbox = new Outbox({
      files,
      store: sink,
      progress: sinkProgress(progress, (settles) => void Atomics.store(cell, 0, BigInt(settles))),
      clock,
      log: namedLog(log),
    });
    return { files, outbox };
  });
  let timer: Timer | undefined;
  let closed = false;
  const look = (): void => {
    for (const { outbox } of shipping) outbox.nudge();
    if (!closed) timer = clock.after(lookEveryMs, look);
  };
  return {
    async start(instance) {
      await Promise.all(shipping.map(async ({ outbox }) => await outbox.start(instance)));
      if (shipping.length > 0 && timer === undefined) look();
    },
    nudge() {
      for (const { outbox } of shipping) outbox.nudge();
    },
    get stored() {
      return shipping
        .map(({ outbox }) => outbox.stored)
        .reduce<Position | undefined>(
          (least, one) => (least === undefined || isBefore(one, least) ? one : least),
          undefined,
        );
    },
    async finish(timeoutMs) {
      closed = true;
      timer?.cancel();
      const all = await Promise.all(
        shipping.map(async ({ files, outbox }) => {
          const complete = await outbox.caughtUp(timeoutMs);
          await outbox.close().catch(() => undefined);
          files.close();
          return complete;
        }),
      );
      return all.every(Boolean);
    },
  };
}

/** Lines of the outbox speak of a store. */
function namedLog(log: Log): Log {
  const sink = 'log-analytics';
  return {
    debug: (fields, message) => log.debug({ ...fields, sink }, message),
    info: (fields, message) => log.info({ ...fields, sink }, message),
    warn: (fields, message) => log.warn({ ...fields, sink }, message),
    error: (fields, message) => log.error({ ...fields, sink }, message),
  };
}
