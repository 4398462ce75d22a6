// docs/reference/telemetry.md: every attribute of a span and every metric, from the code that makes them.
import { spanAttributes } from '../../gateway/src/adapters/telemetry/attributes.ts';
import { Metrics } from '../../gateway/src/kernel/metrics.ts';
import { createGenAiInstruments } from '../../gateway/src/proxy/gen-ai-instruments.ts';

const introduction = `# What telemetry says

<!-- Generated from gateway/src/adapters/telemetry/attributes.ts and gateway/src/proxy/gen-ai-instruments.ts. Do not edit. -->

How it is turned on, sampled and lost is told in [telemetry.md](../telemetry.md). Names and buckets are those of OpenTelemetry's
semantic conventions for HTTP and for generative AI (github.com/open-telemetry/semantic-conventions-genai, in development there);
what begins with \`tollgate\` is ours.
`;

const cell = (text: string): string => text.replaceAll('|', String.raw`\|`);

const spanTable = (on: 'call' | 'attempt'): string =>
  Object.entries(spanAttributes)
    .filter(([, one]) => one.on === on || one.on === 'both')
    .map(([name, { says }]) => `| \`${name}\` | ${cell(says)} |`)
    .join('\n');

function metricTable(): string {
  const metrics = new Metrics();
  createGenAiInstruments(metrics);
  return metrics
    .read()
    .map((metric) => {
      const bounds = metric.type === 'histogram' ? metric.bounds.join(', ') : '';
      return `| \`${metric.name}\` | \`${metric.unit}\` | ${cell(metric.help)} | ${bounds} |`;
    })
    .join('\n');
}

export function generateTelemetryReference(): string {
  return `${introduction}
## The span of a call

Kind: server. Name: method and route, \`POST /openai/v1/chat/completions\`. It begins when the head of the call has arrived and ends
with the last byte of the answer, also of a stream; where its client has left and the reply
is read on for its usage, with that. Failed: from 500 on, and where an answer that had begun
broke off.

| attribute | what it says |
| --- | --- |
${spanTable('call')}

## The span of an attempt

Kind: client, within that of the call; one for each call to an upstream, retries and hedges among them. Name: operation and model,
\`chat gpt-5.4-mini\`. It begins when the call is sent and ends with the upstream's last byte. Its \`traceparent\` is what the
upstream is sent. Failed: where it has an \`error.type\`. What is asked of stored responses,
conversations, files and batches has one without usage; what the gateway reads of batches later, to meter them, has none.

| attribute | what it says |
| --- | --- |
${spanTable('attempt')}

## Metrics of the conventions

All are histograms, by \`gen_ai.operation.name\`, \`gen_ai.provider.name\`, \`gen_ai.request.model\`; those of the client also by
\`server.address\` and \`server.port\`; durations by \`error.type\` where there was one. Prometheus knows them with underscores and,
in seconds, with \`_seconds\` at the end.

| name | unit | what it measures | bounds of its buckets |
| --- | --- | --- | --- |
${metricTable()}

Beside them everything that \`GET /metrics\` of the admin API shows is sent, by the same names.
`;
}
