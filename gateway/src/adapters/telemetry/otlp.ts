import { diag, DiagLogLevel } from '@opentelemetry/api';
import { ExportResultCode, type ExportResult } from '@opentelemetry/core';
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { parseJsonObject } from '#kernel/json.ts';
import type { Log } from '#kernel/log.ts';
import type { TemporalityOf } from './metric-data.ts';

export interface MetricSender {
  readonly temporalityOf: TemporalityOf;
  /** Resolves when they are taken. */
  send(metrics: ResourceMetrics): Promise<void>;
  close(): Promise<void>;
}

export interface SpanSender {
  /** How many were taken; rejects where none was. */
  send(spans: readonly ReadableSpan[]): Promise<number>;
  close(): Promise<void>;
}

/** The libraries call back; one of them calls twice where all went well. */
export function resultOf(begin: (done: (result: ExportResult) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    begin((result) => {
      if (result.code === ExportResultCode.SUCCESS) resolve();
      else reject(result.error ?? new Error('not exported'));
    });
  });
}

/** What the exporter of spans says of the last export, in the only place where it says it: its diagnostics. */
const rejected = { spans: 0 };

const ignore = (): void => undefined;

/** Takes what the libraries have to say; one line for each sentence, however often it is said. */
export function listenToLibraries(log: Log): void {
  const said = new Set<string>();
  const tell = (message: string, ...details: readonly unknown[]): void => {
    if (message.includes('Partial Success')) {
      const { rejectedSpans } = parseJsonObject(String(details.at(-1))) ?? {};
      rejected.spans += Number(rejectedSpans ?? 0) || 0;
    }
    // Some say first who they are.
    const sentence = [message, ...details.filter((one) => typeof one === 'string')].slice(0, 2).join(': ');
    if (said.has(sentence) || said.size > 100) return;
    said.add(sentence);
    log.debug({ library: 'opentelemetry' }, sentence);
  };
  diag.setLogger({ error: tell, warn: tell, info: ignore, debug: ignore, verbose: ignore }, DiagLogLevel.WARN);
}

/** By the variables of OpenTelemetry (`OTEL_EXPORTER_OTLP_…`), which the library reads itself: address, headers, time, certificates. */
export async function openOtlpSpans(): Promise<SpanSender> {
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-proto');
  const exporter = new OTLPTraceExporter();
  return {
    async send(spans) {
      rejected.spans = 0;
      await resultOf((done) => exporter.export([...spans], done));
      return spans.length - Math.min(spans.length, rejected.spans);
    },
    close: async () => await exporter.shutdown(),
  };
}

export async function openOtlpMetrics(): Promise<MetricSender> {
  const { OTLPMetricExporter } = await import('@opentelemetry/exporter-metrics-otlp-proto');
  const exporter = new OTLPMetricExporter();
  return {
    temporalityOf: (instrument) => exporter.selectAggregationTemporality(instrument),
    send: async (metrics) => await resultOf((done) => exporter.export(metrics, done)),
    close: async () => await exporter.shutdown(),
  };
}
