import type { Clock } from '#kernel/clock.ts';
import { priorities, type Priority } from '#model/priority.ts';
import { PoolQueue, type QueueEvents } from './pool-queue.ts';

/** The queues of all models, made when somebody has to wait. One per process. */
export class PoolQueues {
  readonly #byModel = new Map<string, PoolQueue>();
  readonly #clock: Clock;
  readonly #events: QueueEvents;
  #closed = false;

  constructor(clock: Clock, events: QueueEvents) {
    this.#clock = clock;
    this.#events = events;
  }

  of(model: string): PoolQueue {
    let queue = this.#byModel.get(model);
    if (queue === undefined) {
      queue = new PoolQueue(model, this.#clock, this.#events);
      if (this.#closed) queue.close();
      this.#byModel.set(model, queue);
    }
    return queue;
  }

  /** How many wait now, by model and class. */
  *lengths(): Generator<{ readonly model: string; readonly priority: Priority; readonly length: number }> {
    for (const [model, queue] of this.#byModel)
      for (const priority of priorities) yield { model, priority, length: queue.count(priority) };
  }

  /** The gateway is going down: whoever waits is told, and nobody waits from now on. */
  close(): void {
    this.#closed = true;
    for (const queue of this.#byModel.values()) queue.close();
  }
}
