import { Worker } from 'node:worker_threads';
import type { Clock, Timer } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import { fromWireError, type FromWorker, type ToWorker } from './messages.ts';

/** A worker's service as its caller sees it: every method answers with a promise. */
export type Remote<Service> = {
  readonly [Method in keyof Service]: Service[Method] extends (...parameters: infer Parameters) => infer Result
    ? (...parameters: Parameters) => Promise<Awaited<Result>>
    : never;
};
export type RemoteServices<Services> = { readonly [Name in keyof Services]: Remote<Services[Name]> };

export interface WorkerOptions {
  /** For log lines and thread lists. */
  readonly name: string;
  readonly url: URL;
  /** Given to every incarnation of the worker; cloned, but for shared buffers. */
  readonly workerData: unknown;
  /** What it finds as its environment; undefined: that of the process. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly log: Log;
  /** Ends it for good, also while it starts. */
  readonly ended?: AbortSignal;
  /** Called when a worker that took the place of a crashed one is ready. */
  readonly onRestarted?: () => void;
}

export interface WorkerLink<Services> {
  /** Rejects with what the method threw, or, where the worker ended before it answered, with an error that says so. */
  readonly services: RemoteServices<Services>;
  /** Calls without waiting for an answer; lost while no worker is running. */
  notify(service: keyof Services & string, method: string): void;
  /** Ends the worker for good; what is still waiting for an answer is rejected. */
  close(): Promise<void>;
}

interface Waiting {
  resolve(value: unknown): void;
  reject(reason: Error): void;
}

const shortestPauseMs = 100;
const longestPauseMs = 10_000;

/** One incarnation: from the start of the thread to its end. */
class Incarnation {
  readonly ready: Promise<void>;
  readonly ended: Promise<void>;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #failure: Error | undefined;

  constructor(options: WorkerOptions) {
    const { name, url, workerData, environment } = options;
    this.#worker = new Worker(url, { name, workerData, ...(environment === undefined ? {} : { env: environment }) });
    const ready = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    this.ready = ready.promise;
    this.ended = ended.promise;
    this.#worker.on('message', (message: FromWorker) => {
      if (message.kind === 'ready') ready.resolve();
      else if (message.kind === 'log') options.log[message.level](message.fields, message.message);
      else this.#settle(message);
    });
    this.#worker.on('error', (error: unknown) => {
      this.#failure = error instanceof Error ? error : new Error(String(error));
    });
    this.#worker.on('exit', (code) => {
      const why = this.#failure === undefined ? `exit code ${code}` : this.#failure.message;
      const error = new Error(`The ${options.name} worker ended: ${why}`, { cause: this.#failure });
      for (const one of this.#waiting.values()) one.reject(error);
      this.#waiting.clear();
      ready.reject(error);
      ended.resolve();
    });
  }

  get failure(): Error | undefined {
    return this.#failure;
  }

  async call(service: string, method: string, parameters: readonly unknown[]): Promise<unknown> {
    const id = this.#nextId;
    this.#nextId += 1;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.post({ kind: 'call', id, service, method, parameters });
    this.#waiting.set(id, { resolve, reject });
    return await promise;
  }

  post(message: ToWorker): void {
    this.#worker.postMessage(message, []);
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }

  #settle(message: Extract<FromWorker, { kind: 'result' | 'error' }>): void {
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.kind === 'result') waiting?.resolve(message.value);
    else waiting?.reject(fromWireError(message.error));
  }
}

class Supervisor {
  readonly #options: WorkerOptions;
  #current: Incarnation;
  /** Rejects where the worker that is being started ends before it is ready. */
  #ready: Promise<Incarnation>;
  #closed = false;
  #pauseMs = shortestPauseMs;
  #pause: { readonly timer: Timer; abandon(reason: Error): void } | undefined;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#current = new Incarnation(options);
    this.#ready = this.#whenReady(this.#current);
  }

  /** Waits for the first incarnation; from then on crashes are mended here. */
  async start(): Promise<void> {
    await this.#ready;
    void this.#watch(this.#current);
  }

  async call(service: string, method: string, parameters: readonly unknown[]): Promise<unknown> {
    const worker = await this.#ready;
    if (this.#closed) throw this.#endedForGood();
    return await worker.call(service, method, parameters);
  }

  notify(service: string, method: string): void {
    if (!this.#closed) this.#current.post({ kind: 'call', id: null, service, method, parameters: [] });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#pause?.timer.cancel();
    this.#pause?.abandon(this.#endedForGood());
    await this.#current.terminate();
  }

  #endedForGood(): Error {
    return new Error(`The ${this.#options.name} worker has been ended.`);
  }

  async #whenReady(worker: Incarnation): Promise<Incarnation> {
    await worker.ready;
    return worker;
  }

  async #watch(worker: Incarnation): Promise<void> {
    const { name, log, clock } = this.#options;
    const began = clock.monotonic();
    await worker.ended;
    if (this.#closed) return;
    // One that becomes ready and ends at once, again and again, must not keep a core busy.
    if (clock.monotonic() - began > longestPauseMs) this.#pauseMs = shortestPauseMs;
    const pauseMs = this.#pauseMs;
    this.#pauseMs = Math.min(this.#pauseMs * 2, longestPauseMs);
    log.error({ worker: name, err: worker.failure, restartInMs: pauseMs }, 'a worker ended unexpectedly');
    const paused = Promise.withResolvers<Incarnation>();
    this.#ready = paused.promise;
    // Those who wait for it are told; that nobody waits is no error.
    paused.promise.catch(() => undefined);
    const timer = clock.after(pauseMs, () => {
      if (!this.#closed) paused.resolve(this.#restart());
    });
    this.#pause = { timer, abandon: paused.reject };
  }

  async #restart(): Promise<Incarnation> {
    const worker = new Incarnation(this.#options);
    this.#current = worker;
    void this.#watch(worker);
    await worker.ready;
    this.#options.onRestarted?.();
    return worker;
  }
}

function remote(name: string, call: (method: string, parameters: readonly unknown[]) => Promise<unknown>): object {
  const methods = new Map<string, unknown>();
  return new Proxy<object>(
    {},
    {
      get(_target, method) {
        // A remote that had `then` would be taken for a promise.
        if (typeof method !== 'string' || method === 'then') return undefined;
        let found = methods.get(method);
        if (found === undefined) {
          found = async (...parameters: readonly unknown[]) => await call(method, parameters);
          methods.set(method, found);
        }
        return found;
      },
      has: () => true,
      set() {
        throw new TypeError(`${name} is a worker's service; it cannot be changed from here.`);
      },
    },
  );
}

/**
 * Starts a worker that answers with `serve` and keeps it running: one that crashes is logged and replaced after a
 * growing pause. Rejects where the first incarnation does not become ready.
 */
export async function startWorker<Services extends object>(
  options: WorkerOptions & { readonly serviceNames: readonly (keyof Services & string)[] },
): Promise<WorkerLink<Services>> {
  const supervisor = new Supervisor(options);
  // It may hang in a call of the operating system: nobody waits for its end.
  const end = (): void => void supervisor.close();
  options.ended?.addEventListener('abort', end, { once: true });
  if (options.ended?.aborted === true) end();
  await supervisor.start();
  const services = Object.fromEntries(
    options.serviceNames.map((service) => [
      service,
      remote(service, async (method, parameters) => await supervisor.call(service, method, parameters)),
    ]),
  );
  return {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- The proxies answer to every name; what the worker really serves is the caller's word.
    services: services as unknown as RemoteServices<Services>,
    notify: (service, method) => supervisor.notify(service, method),
    close: async () => await supervisor.close(),
  };
}
