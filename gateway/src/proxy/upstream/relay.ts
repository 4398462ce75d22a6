import type { ServerResponse } from 'node:http';
import type { Failure } from '#kernel/errors.ts';
import type { Presence } from '#model/presence.ts';
import type { RelayTap } from './ports.ts';
import type { UpstreamReply } from './send.ts';
import type { Watchdog } from './watchdog.ts';

/** Where it broke, and whose doing it was. */
export type RelayOutcome = 'completed' | 'client-left' | 'upstream-broke' | 'timed-out';

/** What the client is given last, once the attempt is settled. */
export type Ending = { readonly kind: 'held' } | { readonly kind: 'failure'; readonly failure: Failure };

/** The client's side of a reply; undefined `response` where nobody is to see it (a discarded reply). */
export interface RelayClient {
  readonly response: ServerResponse | undefined;
  readonly presence: Presence;
  /** `cancel` stops the upstream when the client goes away; `drain` reads on to the end, for its usage. */
  readonly onLeave: 'cancel' | 'drain';
  /** Writes status and headers; `length` is known where the whole body is in hand. */
  writeHead(length: number | undefined): void;
  /** Tells the client of a failure: whole JSON error where no head was written, else an event of its stream's dialect. */
  fail(failure: Failure, headWritten: boolean): void;
}

/** Whom the watchdog's word is for, from here on. */
export interface Expiring {
  /** Silence while the client does not read is the client's, not the upstream's. */
  expire(): void;
}

export interface RelayParts {
  readonly reply: UpstreamReply;
  readonly tap: RelayTap;
  readonly client: RelayClient;
  readonly stream: boolean;
  readonly watchdog: Watchdog;
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
class Relay implements Expiring {
  readonly done: Promise<RelayOutcome>;
  private readonly parts: RelayParts;
  private resolveDone: (outcome: RelayOutcome) => void = () => {};
  private rejectDone: (thrown: unknown) => void = () => {};
  private response: ServerResponse | undefined;
  private clientLeft = false;
  private headWritten = false;
  private finishing = false;
  private waitingForClient = false;

  constructor(parts: RelayParts) {
    this.parts = parts;
    this.response = parts.client.response;
    this.done = new Promise((resolve, reject) => {
      this.resolveDone = resolve;
      this.rejectDone = reject;
    });
  }

  start(): void {
    const { parts } = this;
    if (this.response !== undefined) parts.client.presence.watch(() => this.leave());
    if (this.finishing) return;
    parts.reply.start({
      data: (chunk) => this.data(chunk),
      end: () => this.end(),
      error: () => this.error(),
    });
  }

  expire(): void {
    const stalled = this.waitingForClient && !this.finishing ? this.response : undefined;
    if (stalled !== undefined) {
      this.clientLeft = true;
      this.response = undefined;
      stalled.destroy();
      if (this.parts.client.onLeave === 'drain' && this.parts.watchdog.resume()) {
        this.parts.reply.resume();
        return;
      }
    }
    this.parts.reply.abort();
    if (!this.finishing) this.finish('timed-out');
  }

  private data(chunk: Buffer): void {
    this.parts.watchdog.touch();
    if (this.finishing) return;
    const { tap } = this.parts;
    try {
      const now = tap.push(chunk);
      if (now !== undefined) this.write(now);
    } catch (thrown) {
      // Nobody above would settle the attempt.
      this.parts.reply.abort();
      this.finish('upstream-broke', thrown);
      return;
    }
    if (tap.terminal) this.finish('completed');
  }

  /** After the terminal event it is only the connection that broke: the reply was whole. */
  private error(): void {
    this.parts.watchdog.stop();
    if (!this.finishing) this.finish('upstream-broke');
  }

  private end(): void {
    this.parts.watchdog.stop();
    if (this.finishing) return;
    const { tap } = this.parts;
    tap.end();
    // A stream that ends without its terminal event was cut off, however cleanly the connection was closed.
    this.finish(this.parts.stream && !tap.terminal ? 'upstream-broke' : 'completed');
  }

  private write(bytes: Buffer): void {
    const { response } = this;
    if (response === undefined) return;
    if (!this.headWritten) {
      this.parts.client.writeHead(undefined);
      this.headWritten = true;
    }
    if (response.write(bytes)) return;
    if (this.waitingForClient) return;
    this.waitingForClient = true;
    this.parts.reply.pause();
    response.once('drain', () => {
      this.waitingForClient = false;
      this.parts.watchdog.touch();
      this.parts.reply.resume();
    });
  }

  private leave(): void {
    if (this.response === undefined) return;
    this.response = undefined;
    if (this.finishing) return;
    this.clientLeft = true;
    if (this.parts.client.onLeave === 'drain') {
      this.parts.reply.resume();
      return;
    }
    this.parts.reply.abort();
    this.finish('client-left');
  }

  private finish(how: RelayOutcome, fault?: unknown): void {
    this.finishing = true;
    const outcome = this.clientLeft ? 'client-left' : how;
    if (how !== 'completed') this.parts.watchdog.stop();
    // What an upstream still sends behind its end is let through to nobody, so that its connection can be used again.
    else if (this.waitingForClient) this.parts.reply.resume();
    void this.settleAndConclude(outcome, fault);
  }

  private async settleAndConclude(outcome: RelayOutcome, fault: unknown): Promise<void> {
    const ending = await this.parts.settle(outcome);
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
      this.parts.client.fail(ending.failure, this.headWritten);
      return;
    }
    const held = this.parts.tap.held();
    if (!this.headWritten) this.parts.client.writeHead(this.parts.stream ? undefined : (held?.length ?? 0));
    response.end(held);
  }
}

/**
 * Step 6 of a request: the answer to the client, metered on the way. Resolves when the attempt is settled and all is
 * written. Rejects, settled too, where our own code failed, as with a header that cannot be written.
 */
export function relay(parts: RelayParts, follow: (made: Expiring) => void): Promise<RelayOutcome> {
  const made = new Relay(parts);
  follow(made);
  made.start();
  return made.done;
}
