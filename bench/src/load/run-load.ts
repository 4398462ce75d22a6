import { performance } from 'node:perf_hooks';
import { Histogram } from '#measure/histogram.ts';
import { coreTicks, cpuMicros } from '#measure/proc.ts';
import type { CoreTicks } from '#measure/proc.ts';
import { streamMarker } from '#upstream/pacer.ts';
import type { Pacer } from '#upstream/pacer.ts';
import { ClientConnection } from './client-connection.ts';
import type { Ending, PreparedRequest } from './client-connection.ts';
import type { LoadPlan, LoadResult, Quantiles, RequestTemplate } from './plan.ts';

/** So many failures in one run mean that nothing is left to measure. */
const tooManyFailures = 500;
const tickMs = 50;
/** A stream waits for its client at most so many ticks. */
const patienceTicks = 10;

interface Prepared extends PreparedRequest {
  readonly name: string;
}

/**
 * Puts a fixed number of connections under load, each with one request in flight, and measures what comes back. A run
 * in which nothing arrives for `silenceMs` is ended.
 */
export async function runLoad(plan: LoadPlan, pacer: Pacer, silenceMs = 60_000): Promise<LoadResult> {
  const run = new LoadRun(plan, pacer);
  const tick = setInterval(() => {
    pacer.tick(patienceTicks);
    run.giveUpWhenSilent(silenceMs);
  }, tickMs);
  try {
    return await run.result();
  } finally {
    clearInterval(tick);
  }
}

/** The counters as they stood when no new requests were begun any more. */
interface ClosedWindow {
  readonly ms: number;
  readonly targetMicros: number | null;
  readonly ownMicros: number;
  readonly core: CoreTicks | null;
}

class LoadRun {
  readonly #plan: LoadPlan;
  readonly #pacer: Pacer;
  readonly #latency = new Histogram();
  readonly #firstByte = new Histogram();
  readonly #byTemplate: Record<string, number> = {};
  readonly #refused: Record<string, number> = {};
  readonly #failures: Record<string, number> = {};
  #begun = 0;
  #inFlight = 0;
  #received = 0;
  #receivedInWindow = 0;
  #events = 0;
  #eventsInWindow = 0;
  #brokenOff = 0;
  #failed = 0;
  #lastProgress = performance.now();
  #longestMs = 0;
  #longestFirstByteMs = 0;
  #started = 0;
  #window: ClosedWindow | undefined;
  #finished: () => void = () => undefined;

  constructor(plan: LoadPlan, pacer: Pacer) {
    this.#plan = plan;
    this.#pacer = pacer;
  }

  async result(): Promise<LoadResult> {
    const plan = this.#plan;
    const nudgesBefore = this.#pacer.nudges;
    const connections = Array.from({ length: plan.connections }, (_, index) => this.#prepareConnection(index));
    const before = plan.pid === null ? null : cpuMicros(plan.pid);
    const coreBefore = plan.core === null ? null : coreTicks(plan.core);
    const ownBefore = process.cpuUsage();
    this.#started = performance.now();
    const timer = plan.durationMs === null ? undefined : setTimeout(() => this.#closeWindow(), plan.durationMs);
    const finished = new Promise<void>((resolve) => (this.#finished = resolve));
    for (const connection of connections) connection.begin();
    await finished;
    clearTimeout(timer);
    for (const connection of connections) connection.client.close();
    const window = this.#window ?? { ms: 0, targetMicros: null, ownMicros: 0, core: null };
    const atEnd = window.targetMicros;
    return {
      windowMs: window.ms,
      receivedInWindow: this.#receivedInWindow,
      received: this.#received,
      receivedByTemplate: this.#byTemplate,
      brokenOff: this.#brokenOff,
      refused: this.#refused,
      failures: this.#failures,
      eventsInWindow: this.#eventsInWindow,
      events: this.#events,
      latency: quantiles(this.#latency, this.#longestMs),
      firstByte: quantiles(this.#firstByte, this.#longestFirstByteMs),
      nudges: this.#pacer.nudges - nudgesBefore,
      cpu: before === null || atEnd === null ? null : { beforeMicros: before, atEndMicros: atEnd },
      coreIdle: idleShare(coreBefore, window.core),
      ownCpuMicros: window.ownMicros - ownBefore.user - ownBefore.system,
    };
  }

  #prepareConnection(index: number): { client: ClientConnection; begin: () => void } {
    const stream = `c${String(index).padStart(5, '0')}`;
    const requests = this.#plan.templates.map((template) => prepare(this.#plan, template, stream));
    const paced = this.#plan.templates.some((template) => template.body.includes(streamPlaceholder));
    let begunAt = 0;
    let current: Prepared | undefined;
    const begin = (): void => {
      if (this.#window !== undefined) return;
      current = requests[this.#begun % requests.length];
      if (current === undefined) throw new Error('a plan without requests');
      this.#begun += 1;
      this.#inFlight += 1;
      begunAt = performance.now();
      client.send(current);
      if (this.#begun === this.#plan.totalRequests) this.#closeWindow();
    };
    const client = new ClientConnection(this.#plan.port, {
      firstByte: () => {
        if (current?.terminal === null) return;
        const took = performance.now() - begunAt;
        this.#longestFirstByteMs = Math.max(this.#longestFirstByteMs, took);
        this.#firstByte.record(took);
      },
      events: (count) => {
        this.#events += count;
        this.#lastProgress = performance.now();
        if (this.#window === undefined) this.#eventsInWindow += count;
        if (paced) this.#pacer.received(stream);
      },
      ended: (ending) => {
        this.#inFlight -= 1;
        this.#take(ending, current, performance.now() - begunAt);
        begin();
        if (this.#window !== undefined && this.#inFlight === 0) this.#finished();
      },
    });
    return { client, begin };
  }

  #take(ending: Ending, request: Prepared | undefined, tookMs: number): void {
    this.#lastProgress = performance.now();
    if (ending.kind === 'received') this.#receive(request, tookMs);
    else if (ending.kind === 'broken-off') this.#brokenOff += 1;
    else if (ending.kind === 'refused') this.#refused[ending.status] = (this.#refused[ending.status] ?? 0) + 1;
    else {
      this.#failures[ending.why] = (this.#failures[ending.why] ?? 0) + 1;
      this.#failed += 1;
      if (this.#failed === tooManyFailures) this.#closeWindow();
    }
  }

  #receive(request: Prepared | undefined, tookMs: number): void {
    const name = request?.name ?? '';
    this.#received += 1;
    this.#byTemplate[name] = (this.#byTemplate[name] ?? 0) + 1;
    if (this.#window === undefined) this.#receivedInWindow += 1;
    if (request?.terminal !== null) return;
    this.#longestMs = Math.max(this.#longestMs, tookMs);
    this.#latency.record(tookMs);
  }

  /** Ends a run in which nothing happens any more: what is in flight counts as failed. */
  giveUpWhenSilent(patienceMs: number): void {
    if (performance.now() - this.#lastProgress < patienceMs) return;
    this.#failures['nothing arrived any more'] = this.#inFlight;
    this.#closeWindow();
    this.#finished();
  }

  #closeWindow(): void {
    if (this.#window !== undefined) return;
    const own = process.cpuUsage();
    this.#window = {
      ms: performance.now() - this.#started,
      targetMicros: this.#plan.pid === null ? null : cpuMicros(this.#plan.pid),
      ownMicros: own.user + own.system,
      core: this.#plan.core === null ? null : coreTicks(this.#plan.core),
    };
    if (this.#inFlight === 0) this.#finished();
  }
}

const streamPlaceholder = '{{stream}}';

function prepare(plan: LoadPlan, template: RequestTemplate, stream: string): Prepared {
  const body = template.body.replaceAll(streamPlaceholder, streamMarker(stream));
  const headers = Object.entries({ 'content-type': 'application/json', ...plan.headers })
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
  const head = `POST ${template.path} HTTP/1.1\r\nhost: 127.0.0.1:${plan.port}\r\n${headers}content-length: ${Buffer.byteLength(body)}\r\n\r\n`;
  return {
    name: template.name,
    bytes: Buffer.from(head + body),
    terminal: template.terminal === null ? null : Buffer.from(template.terminal),
    breakOffAfterEvents: template.breakOffAfterEvents,
  };
}

function quantiles(histogram: Histogram, max: number): Quantiles | null {
  const p50 = histogram.quantile(0.5);
  const p99 = histogram.quantile(0.99);
  return p50 === null || p99 === null ? null : { p50, p99, max };
}

function idleShare(before: CoreTicks | null, after: CoreTicks | null): number | null {
  if (before === null || after === null || after.total === before.total) return null;
  return (after.idle - before.idle) / (after.total - before.total);
}
