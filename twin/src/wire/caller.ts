import type { ServerResponse } from 'node:http';
import type { Holds } from '#faults/holds.ts';
import type { Clock } from '#kernel/clock.ts';

/** Who waits for the reply. Everything that the twin waits for ends when the caller goes away. */
export class Caller {
  /** True as soon as the connection closed before the whole reply was handed over. */
  gone = false;
  private readonly response: ServerResponse;
  private readonly clock: Clock;
  private readonly wakers = new Set<() => void>();

  constructor(response: ServerResponse, clock: Clock) {
    this.response = response;
    this.clock = clock;
    response.once('close', () => {
      if (response.writableFinished) return;
      this.gone = true;
      for (const wake of this.wakers) wake();
    });
  }

  sleep(ms: number): Promise<void> {
    return this.wait((resume) => {
      const timer = this.clock.after(ms, resume);
      return () => timer.cancel();
    });
  }

  /** Until the socket takes more. */
  drained(): Promise<void> {
    return this.wait((resume) => {
      this.response.once('drain', resume);
      return () => this.response.off('drain', resume);
    });
  }

  /** Until released, or for `ms` where that is given. */
  async held(hold: {
    readonly holds: Holds;
    readonly attempt: string;
    readonly ms: number | undefined;
  }): Promise<void> {
    if (hold.ms !== undefined) return this.sleep(hold.ms);
    return this.wait((resume) => hold.holds.add(hold.attempt, resume));
  }

  private wait(begin: (resume: () => void) => () => unknown): Promise<void> {
    if (this.gone) return Promise.resolve();
    return new Promise((resolve) => {
      let giveUp: (() => unknown) | undefined;
      const resume = (): void => {
        this.wakers.delete(resume);
        giveUp?.();
        resolve();
      };
      this.wakers.add(resume);
      giveUp = begin(resume);
    });
  }
}
