import { Worker } from 'node:worker_threads';

import type { Clock, Timer } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import type { Counted, CountRequest, TokenCounter } from '#proxy/usage/ports.ts';

import type { CountAnswer, CountJob } from './messages.ts';

/**
 * What is counted at most: a burst of broken calls must not grow a queue without end, nor one giant request hold up all
 * others. What exceeds a limit is answered as unknown, never guessed.
 */
const limits = {
  /** Calls waiting for the worker. */
  waitingJobs: 256,
  /** Their bytes together. */
  waitingBytes: 64 * 1024 * 1024,
  /** The largest request body that is counted; 4 MiB of text take 0.2 s, of the worst kind 2 s. */
  bodyBytes: 4 * 1024 * 1024,
  /** The most delivered bytes that are counted of one reply. */
  deliveredBytes: 4 * 1024 * 1024,
  /** For one call, loading the encoding (0.3 s) included; then the worker is replaced. */
  jobMs: 10_000,
  /** A worker that keeps failing is left alone for a while after so many failures in a row. */
  failuresInRow: 3,
  restMs: 30_000,
  /** Both encodings take some 200 MB. */
  heapMegabytes: 512,
} as const;

const unknown: Counted = { input: null, measuredInput: 'unknown', output: null };

export interface TokenCounterOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Starts the worker; tests give one that fails. */
  readonly start?: () => Worker;
}

export interface ClosableTokenCounter extends TokenCounter {
  /** Answers what is waiting as unknown and stops the worker. */
  close(): Promise<void>;
}

/** Counts in a worker thread, which is started when first needed and again when it has failed. Never rejects. */
export function createTokenCounter(options: TokenCounterOptions): ClosableTokenCounter {
  return new WorkerTokenCounter(options);
}

function startWorker(): Worker {
  return new Worker(new URL('../../token-worker.ts', import.meta.url), {
    name: 'token-counter',
    resourceLimits: { maxOldGenerationSizeMb: limits.heapMegabytes },
  });
}

interface Waiting {
  readonly job: CountJob;
  readonly bytes: number;
  readonly answer: (counted: Counted) => void;
}

class WorkerTokenCounter implements ClosableTokenCounter {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #start: () => Worker;
  readonly #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #current: Waiting | undefined;
  #deadline: Timer | undefined;
  #worker: Worker | undefined;
  #nextId = 1;
  #failures = 0;
  #restsUntil = -Infinity;
  #closed = false;

  constructor({ clock, log, start = startWorker }: TokenCounterOptions) {
    this.#clock = clock;
    this.#log = log;
    this.#start = start;
  }

  count(request: CountRequest): Promise<Counted> {
    const bytes = sizeOf(request);
    if (this.#refuses(bytes)) return Promise.resolve(unknown);
    const job = jobOf(request, this.#nextId);
    this.#nextId += 1;
    return new Promise((resolve) => {
      this.#waiting.push({ job, bytes, answer: resolve });
      this.#waitingBytes += bytes;
      this.#next();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    const worker = this.#dropWorker();
    this.#answerCurrent(unknown);
    this.#answerWaiting();
    await worker?.terminate();
  }

  #refuses(bytes: number): boolean {
    if (this.#closed || this.#clock.monotonic() < this.#restsUntil) return true;
    const full = this.#waiting.length >= limits.waitingJobs || this.#waitingBytes + bytes > limits.waitingBytes;
    if (full) this.#log.warn({ waiting: this.#waiting.length }, 'token counter is full: usage stays unknown');
    return full;
  }

  /** Hands the next call to the worker, one at a time, so that each has a deadline of its own. */
  #next(): void {
    if (this.#current !== undefined) return;
    const next = this.#waiting.shift();
    if (next === undefined) {
      this.#worker?.unref();
      return;
    }
    this.#waitingBytes -= next.bytes;
    this.#current = next;
    this.#deadline = this.#clock.after(limits.jobMs, () => this.#fail('took too long'));
    try {
      const worker = this.#readyWorker();
      // While it counts, somebody waits for it; idle, it must not keep the process alive.
      worker.ref();
      worker.postMessage(next.job, transferable(next.job));
    } catch (thrown) {
      this.#fail(messageOf(thrown));
    }
  }

  #readyWorker(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const worker = this.#start();
    this.#worker = worker;
    worker.on('message', (answer: CountAnswer) => this.#answered(worker, answer));
    worker.on('error', (error) => {
      if (worker === this.#worker) this.#fail(messageOf(error));
    });
    worker.on('exit', () => {
      if (worker === this.#worker) this.#fail('exited');
    });
    return worker;
  }

  #answered(worker: Worker, { id, counted }: CountAnswer): void {
    if (worker !== this.#worker || id !== this.#current?.job.id) return;
    this.#failures = 0;
    this.#answerCurrent(counted);
    this.#next();
  }

  /** The current call, if any, is answered as unknown; the next one gets a new worker. */
  #fail(reason: string): void {
    void this.#dropWorker()?.terminate();
    this.#failures += 1;
    this.#log.warn({ reason, failures: this.#failures }, 'token counter failed: usage stays unknown');
    this.#answerCurrent(unknown);
    if (this.#failures >= limits.failuresInRow) {
      this.#failures = 0;
      this.#restsUntil = this.#clock.monotonic() + limits.restMs;
      this.#answerWaiting();
    }
    this.#next();
  }

  #dropWorker(): Worker | undefined {
    const worker = this.#worker;
    this.#worker = undefined;
    return worker;
  }

  #answerCurrent(counted: Counted): void {
    const current = this.#current;
    this.#current = undefined;
    this.#deadline?.cancel();
    this.#deadline = undefined;
    current?.answer(counted);
  }

  #answerWaiting(): void {
    for (const { answer } of this.#waiting.splice(0)) answer(unknown);
    this.#waitingBytes = 0;
  }
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : 'failed';
}

function sizeOf({ requestBody, delivered = [] }: CountRequest): number {
  return delivered.reduce((sum, { length }) => sum + length, requestBody?.length ?? 0);
}

function jobOf(request: CountRequest, id: number): CountJob {
  const { tokenizer, operation, stream, requestBody, delivered } = request;
  const fits = requestBody !== undefined && requestBody.length <= limits.bodyBytes;
  return {
    id,
    tokenizer,
    operation,
    stream,
    requestBody: fits ? joined([requestBody]) : undefined,
    delivered: delivered && joined(delivered),
  };
}

/** A copy of its own: posting a view would copy the whole memory behind it, which buffers of a socket share. */
function joined(buffers: readonly Buffer[]): Uint8Array<ArrayBuffer> {
  const length = buffers.reduce((sum, { length: bytes }) => sum + bytes, 0);
  const copy = new Uint8Array(Math.min(length, limits.deliveredBytes));
  let at = 0;
  for (const buffer of buffers) {
    const part = buffer.subarray(0, copy.length - at);
    copy.set(part, at);
    at += part.length;
  }
  return copy;
}

function transferable({ requestBody, delivered }: CountJob): ArrayBuffer[] {
  return [requestBody, delivered].filter((bytes) => bytes !== undefined).map(({ buffer }) => buffer);
}
