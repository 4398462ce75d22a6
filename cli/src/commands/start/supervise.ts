import { constants } from 'node:os';
import type { Clock } from '#context.ts';
import type { Child, Ended } from './child.ts';

/** `process`, or a stand-in. */
export interface SignalSource {
  on(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
  off(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
}

export interface Supervision {
  /** In the order in which they are stopped: the gateway drains while the twin still answers it. */
  readonly children: readonly Child[];
  readonly signals: SignalSource;
  readonly clock: Clock;
  /** A line for people, without its end. */
  readonly tell: (line: string) => void;
}

export interface Supervised {
  /** Resolves once every child has ended: with the exit status of the whole. */
  readonly finished: Promise<number>;
  /** Stops the children as the first signal does. */
  stop(): void;
}

const watched = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/**
 * One Ctrl-C arrives several times: from the terminal, and again from npm, which passes on what it got itself. Only a
 * signal after this is a second one.
 */
const sameSignalMs = 1000;
/** For what comes after the gateway in the order of stopping: nobody needs it any more. */
const patienceMs = 5000;

type Event = { readonly kind: 'ended'; readonly child: Child; readonly ended: Ended } | { readonly kind: 'asked' };

/** Lives with the children: passes on what the user wants, and takes everything down when one of them dies. */
export function supervise(supervision: Supervision): Supervised {
  const { children, signals, clock, tell } = supervision;
  const asked = Promise.withResolvers<Event>();
  let askedAt: number | undefined;
  let killedBy: NodeJS.Signals | undefined;
  const stop = (): void => {
    askedAt ??= clock.now();
    asked.resolve({ kind: 'asked' });
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    if (askedAt === undefined) {
      tell('Stopping: calls in flight finish first. Once more to stop at once.');
      stop();
    } else if (clock.now() - askedAt >= sameSignalMs) {
      killedBy = signal;
      for (const child of children) child.signal('SIGKILL');
    }
  };
  const live = async (): Promise<number> => {
    for (const signal of watched) signals.on(signal, onSignal);
    try {
      const ends = children.map(async (child): Promise<Event> => ({ kind: 'ended', child, ended: await child.ended }));
      const first = await Promise.race([asked.promise, ...ends]);
      askedAt ??= clock.now();
      if (first.kind === 'ended') tell(epitaph(first.child, first.ended));
      const rest = await stopInOrder(supervision);
      if (killedBy !== undefined) return 128 + constants.signals[killedBy];
      return first.kind === 'ended' ? first.ended.status : (rest.find((ended) => ended.status !== 0)?.status ?? 0);
    } finally {
      for (const signal of watched) signals.off(signal, onSignal);
    }
  };
  return { finished: live(), stop };
}

function epitaph(child: Child, ended: Ended): string {
  const words = child.lastWords();
  return `The ${child.name} ended ${ended.how}.${words === '' ? '' : ` Its last words:\n${words}`}`;
}

async function stopInOrder({ children, clock }: Supervision): Promise<readonly Ended[]> {
  const endings: Ended[] = [];
  for (const [at, child] of children.entries()) {
    child.signal('SIGTERM');
    endings.push(at === 0 ? await child.ended : await endedSoon(child, clock));
  }
  return endings;
}

async function endedSoon(child: Child, clock: Clock): Promise<Ended> {
  const over = new AbortController();
  const late = async (): Promise<undefined> => {
    await clock.sleep(patienceMs, over.signal);
    return undefined;
  };
  const ended = await Promise.race([child.ended, late()]);
  over.abort();
  if (ended !== undefined) return ended;
  child.signal('SIGKILL');
  return await child.ended;
}
