import type { ServerResponse } from 'node:http';
import type { Failure } from '#kernel/errors.ts';
import type { Presence, Watcher } from '#model/presence.ts';
import type { RelayTap } from './ports.ts';
import type { ReplySink } from './reply-sink.ts';
import type { UpstreamReply } from './send.ts';
import type { Watchdog } from './watchdog.ts';

/** Where it broke, and whose doing it was. */
export type RelayOutcome = 'completed' | 'client-left' | 'upstream-broke' | 'timed-out';

/** What the client is given last, once the attempt is settled. */
export type Ending = { readonly kind: 'held' } | { readonly kind: 'failure'; readonly failure: Failure };

/** Whom the watchdog's word is for, from here on. */
export interface Expiring {
  /** Silence while the client does not read is the client's, not the upstream's. */
  expire(): void;
}

/** A reply on its way, from its upstream to its client. */
export interface Relayed {
  readonly reply: UpstreamReply;
  readonly tap: RelayTap;
  readonly stream: boolean;
  readonly watchdog: Watchdog;
  /** Undefined where nobody is to see it: a reply that was discarded. */
  readonly response: ServerResponse | undefined;
  readonly presence: Presence;
  /** `cancel` stops the upstream when the client goes away; `drain` reads on to the end, for its usage. */
  readonly onLeave: 'cancel' | 'drain';
  /** Told once, before anything of the reply is read. */
  followedBy(relay: Expiring): void;
  /** Writes status and headers; `length` is known where the whole body is in hand. */
  writeHead(length: number | undefined): void;
  /** Tells the client of a failure: whole JSON error where no head was written, else an event of its stream's dialect. */
  fail(failure: Failure, headWritten: boolean): void;
  /** Never rejects. Called exactly once, before the terminal event or the last body chunk is handed to the socket. */
  settle(outcome: RelayOutcome): Promise<Ending>;
}

/**
 * Passes a reply on, chunk by chunk, in the turn in which each arrives.
 *
 *   upstream ──data──► tap ──now──► client
 *                       └──held (terminal event, last chunk)──► settle ──► client
 *
 * Not: buffer to parse at leisure (delays every event), nor write first and settle later (the client would know of a
 * reply that the ledger does not).
 */
class Relay implements Expiring, ReplySink, Watcher {
  readonly done: Promise<RelayOutcome>;
  private readonly relayed: Relayed;
  private resolveDone: (outcome: RelayOutcome) => void = () => {};
  private rejectDone: (thrown: unknown) => void = () => {};
  private response: ServerResponse | undefined;
  private left = false;
  private headWritten = false;
  private finishing = false;
  private waitingForClient = false;

  constructor(relayed: Relayed) {
    this.relayed = relayed;
    this.response = relayed.response;
    this.done = new Promise((resolve, reject) => {
      this.resolveDone = resolve;
      this.rejectDone = reject;
    });
  }

  start(): void {
    const { relayed } = this;
    if (this.response !== undefined) relayed.presence.watch(this);
    if (!this.finishing) relayed.reply.start(this);
  }

  expire(): void {
    const stalled = this.waitingForClient && !this.finishing ? this.response : undefined;
    if (stalled !== undefined) {
      this.left = true;
      this.response = undefined;
      stalled.destroy();
      if (this.relayed.onLeave === 'drain' && this.relayed.watchdog.resume()) {
        this.relayed.reply.resume();
        return;
      }
    }
    this.relayed.reply.abort();
    if (!this.finishing) this.finish('timed-out');
  }

  data(chunk: Buffer): void {
    this.relayed.watchdog.touch();
    if (this.finishing) return;
    const { tap } = this.relayed;
    try {
      const now = tap.push(chunk);
      if (now !== undefined) this.write(now);
    } catch (thrown) {
      // Nobody above would settle the attempt.
      this.relayed.reply.abort();
      this.finish('upstream-broke', thrown);
      return;
    }
    if (tap.terminal) this.finish('completed');
  }

  /** After the terminal event it is only the connection that broke: the reply was whole. */
  error(): void {
    this.relayed.watchdog.stop();
    if (!this.finishing) this.finish('upstream-broke');
  }

  end(): void {
    this.relayed.watchdog.stop();
    if (this.finishing) return;
    const { tap } = this.relayed;
    try {
      tap.end();
    } catch (thrown) {
      this.finish('upstream-broke', thrown);
      return;
    }
    // A stream that ends without its terminal event was cut off, however cleanly the connection was closed.
    this.finish(this.relayed.stream && !tap.terminal ? 'upstream-broke' : 'completed');
  }

  private write(bytes: Buffer): void {
    const { response } = this;
    if (response === undefined) return;
    if (!this.headWritten) {
      this.relayed.writeHead(undefined);
      this.headWritten = true;
    }
    if (response.write(bytes)) return;
    if (this.waitingForClient) return;
    this.waitingForClient = true;
    this.relayed.reply.pause();
    response.once('drain', () => {
      this.waitingForClient = false;
      this.relayed.watchdog.touch();
      this.relayed.reply.resume();
    });
  }

  clientLeft(): void {
    if (this.response === undefined) return;
    this.response = undefined;
    if (this.finishing) return;
    this.left = true;
    if (this.relayed.onLeave === 'drain') {
      // An upstream that had to wait for the client is given its time anew.
      if (this.waitingForClient) this.relayed.watchdog.touch();
      this.relayed.reply.resume();
      return;
    }
    this.relayed.reply.abort();
    this.finish('client-left');
  }

  private finish(how: RelayOutcome, fault?: unknown): void {
    this.finishing = true;
    const outcome = this.left ? 'client-left' : how;
    if (how !== 'completed') this.relayed.watchdog.stop();
    // What an upstream still sends behind its end is let through to nobody, so that its connection can be used again.
    else if (this.waitingForClient) this.relayed.reply.resume();
    void this.settleAndConclude(outcome, fault);
  }

  private async settleAndConclude(outcome: RelayOutcome, fault: unknown): Promise<void> {
    const ending = await this.relayed.settle(outcome);
    if (fault !== undefined) {
      this.rejectDone(fault);
      return;
    }
    try {
      this.conclude(ending);
      this.resolveDone(outcome);
    } catch (thrown) {
      this.rejectDone(thrown);
    }
  }

  private conclude(ending: Ending): void {
    const { response } = this;
    if (response === undefined) return;
    this.response = undefined;
    if (ending.kind === 'failure') {
      this.relayed.fail(ending.failure, this.headWritten);
      return;
    }
    const held = this.relayed.tap.held();
    if (!this.headWritten) this.relayed.writeHead(this.relayed.stream ? undefined : (held?.length ?? 0));
    response.end(held);
  }
}

/**
 * Step 6 of a request: the answer to the client, metered on the way. Resolves when the attempt is settled and all is
 * written. Rejects, settled too, where our own code failed, as with a header that cannot be written.
 */
export function relay(relayed: Relayed): Promise<RelayOutcome> {
  const made = new Relay(relayed);
  relayed.followedBy(made);
  made.start();
  return made.done;
}
