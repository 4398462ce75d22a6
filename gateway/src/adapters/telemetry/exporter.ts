import type { Resource } from '@opentelemetry/resources';
import type { Clock } from '#kernel/clock.ts';
import { parseJson } from '#kernel/json.ts';
import type { Log } from '#kernel/log.ts';
import type { SharedSpanSender } from './azure-monitor.ts';
import { ExportQueue } from './export-queue.ts';
import type { SentCalls, SentMetrics } from './messages.ts';
import { MetricTranslation } from './metric-data.ts';
import type { MetricSender } from './otlp.ts';
import { spansOf, type SharedSpan } from './spans.ts';
import type { ExporterName, Tally } from './tally.ts';

/** One place where telemetry goes. Opened once, when there is something for it. */
export interface Destination {
  readonly name: ExporterName;
  readonly spans: (() => Promise<SharedSpanSender>) | undefined;
  readonly metrics: (() => Promise<MetricSender>) | undefined;
}

export interface ExporterOptions {
  readonly destinations: readonly Destination[];
  readonly resource: Resource;
  readonly tally: Tally;
  readonly clock: Clock;
  readonly log: Log;
}

/** What the worker does for the gateway. Everything crosses as text. */
export interface TelemetryServices {
  readonly telemetry: {
    /** Calls that are over. */
    calls(text: string): void;
    /** Everything that instruments say now. */
    metrics(text: string): void;
    /** What a worker before this one was given last: who wants differences is told what has come since. */
    baseline(text: string): void;
    /** Sends what is left, waiting so long at most; true where everything was tried. */
    finish(timeoutMs: number): Promise<boolean>;
  };
}

interface Line {
  finish(): Promise<void>;
  close(): Promise<void>;
}

interface SpanLine extends Line {
  push(spans: readonly SharedSpan[]): void;
}

interface MetricLine extends Line {
  push(metrics: SentMetrics): void;
  begin(metrics: SentMetrics): void;
}

function once<Value>(open: () => Promise<Value>): () => Promise<Value> {
  let opened: Promise<Value> | undefined;
  return () => (opened ??= open());
}

function spanLine({ name, spans }: Destination, options: ExporterOptions): SpanLine | undefined {
  if (spans === undefined) return undefined;
  const { tally, clock, log } = options;
  const open = once(spans);
  let isOpen = false;
  const queue = new ExportQueue<SharedSpan>({
    of: { exporter: name, signal: 'spans' },
    tally,
    clock,
    log,
    async export(batch) {
      const sender = await open();
      isOpen = true;
      return await sender.send(batch);
    },
  });
  return {
    push: (items) => queue.push(items),
    finish: async () => await queue.finish(),
    close: async () => (isOpen ? await (await open()).close() : undefined),
  };
}

/** The newest reading is the one that counts: it tells everything since the start, or since the last that was taken. */
function metricLine({ name, metrics }: Destination, options: ExporterOptions): MetricLine | undefined {
  if (metrics === undefined) return undefined;
  const { tally, clock, log, resource } = options;
  let baseline: SentMetrics | undefined;
  const open = once(async () => {
    const sender = await metrics();
    const translation = new MetricTranslation(resource, sender.temporalityOf);
    if (baseline !== undefined) translation.begin(baseline);
    return { sender, translation };
  });
  let isOpen = false;
  const queue = new ExportQueue<SentMetrics>({
    of: { exporter: name, signal: 'metrics' },
    tally,
    clock,
    log,
    async export(batch) {
      const { sender, translation } = await open();
      isOpen = true;
      const newest = batch.at(-1);
      if (newest === undefined) return 0;
      const { metrics: translated, told } = translation.translate(newest);
      await sender.send(translated);
      told();
      return batch.length;
    },
  });
  return {
    push: (reading) => queue.push([reading]),
    begin(reading) {
      baseline = reading;
    },
    finish: async () => await queue.finish(),
    close: async () => (isOpen ? await (await open()).sender.close() : undefined),
  };
}

function metricsIn(text: string): SentMetrics {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- The gateway's own text, written by messages.ts.
  return parseJson(text) as unknown as SentMetrics;
}

const defined = <Value>(value: Value | undefined): value is Value => value !== undefined;

/** Makes spans and metrics of what the gateway hands over, and carries them out. */
export function createExporter(options: ExporterOptions): TelemetryServices['telemetry'] {
  const { destinations, resource, clock } = options;
  const spanLines = destinations.map((one) => spanLine(one, options)).filter(defined);
  const metricLines = destinations.map((one) => metricLine(one, options)).filter(defined);
  const lines: readonly Line[] = [...spanLines, ...metricLines];
  return {
    calls(text) {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- The gateway's own text, written by messages.ts.
      const spans = spansOf(parseJson(text) as unknown as SentCalls, resource);
      for (const line of spanLines) line.push(spans);
    },
    metrics(text) {
      const reading = metricsIn(text);
      for (const line of metricLines) line.push(reading);
    },
    baseline(text) {
      const reading = metricsIn(text);
      for (const line of metricLines) line.begin(reading);
    },
    async finish(timeoutMs) {
      const late = Promise.withResolvers<false>();
      const timer = clock.after(timeoutMs, () => late.resolve(false));
      const done = Promise.all(lines.map(async (line) => await line.finish())).then(() => true as const);
      const complete = await Promise.race([done, late.promise]);
      timer.cancel();
      await Promise.race([Promise.allSettled(lines.map(async (line) => await line.close())), late.promise]);
      return complete;
    },
  };
}
