import type { ConfigSection, ValuesOf } from '#kernel/config-section.ts';
import { duration, percentage, wholeNumber } from '#kernel/config-values.ts';
import { z } from 'zod';

const keys = {
  telemetry: z
    .strictObject({
      traces: z
        .strictObject({
          share: percentage()
            .optional()
            .describe(
              'Of the calls of which no caller has decided, how many are kept. Default: what `OTEL_TRACES_SAMPLER` says, else all.',
            ),
          followed: wholeNumber({ atLeast: 0, atMost: 100_000 })
            .optional()
            .describe(
              'How many calls a second are kept because their caller keeps its trace (`traceparent`); of those beyond, `share` ' +
                'decides. 0: callers decide nothing. Default: 100.',
            ),
        })
        .prefault({})
        .describe('Which calls are traced.'),
      metrics: z
        .strictObject({
          interval: duration({ atLeastMs: 1000, atMostMs: 3_600_000 })
            .optional()
            .describe('How often metrics are sent. Default: what `OTEL_METRIC_EXPORT_INTERVAL` says, else a minute.'),
        })
        .prefault({})
        .describe('Metrics that are sent; the admin API shows them to Prometheus in any case.'),
      identity: z
        .enum(['none', 'managed-identity', 'workload-identity', 'default'])
        .default('none')
        .describe(
          'Whose token Application Insights is shown; `none`: the key of the connection string is enough. It needs the role ' +
            'Monitoring Metrics Publisher on the component. Read at the start.',
        ),
    })
    .prefault({})
    .describe(
      'Traces and metrics by OpenTelemetry. On where `OTEL_EXPORTER_OTLP_ENDPOINT` or `APPLICATIONINSIGHTS_CONNECTION_STRING` ' +
        'says where to.',
    ),
};

export const telemetryConfig: ConfigSection<typeof keys> = {
  name: 'telemetry',
  summary: 'Traces and metrics that are sent; where to stands in the environment.',
  keys,
  references: [],
  check: () => [],
};

export type TelemetryConfig = ValuesOf<typeof telemetryConfig>['telemetry'];
