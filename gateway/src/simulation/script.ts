import type { ConfigFinding, ConfigSection, ValuesOf } from '#kernel/config-section.ts';
import { azureName, duration, percentage, share, wholeNumber } from '#kernel/config-values.ts';
import { deploymentTypes } from '#model/endpoint.ts';
import { priorities } from '#model/priority.ts';
import { findingsOfRoute } from '#proxy/routing/check-config.ts';
import { yieldAt } from '#proxy/routing/config-endpoint.ts';
import { healthForAll } from '#proxy/routing/config-health.ts';
import { route } from '#proxy/routing/config-model.ts';
import { z } from 'zod';

const moment = duration({ atLeastMs: 0, atMostMs: 86_400_000 });

/** How an endpoint behaves as long as nothing is wrong with it. */
const endpoint = z.strictObject({
  type: z.enum(deploymentTypes).default('DataZoneStandard').describe('Provisioned types say how full they are.'),
  firstByte: duration().prefault('300ms').describe('From sending until the first byte of its reply.'),
  reply: duration().prefault('2s').describe('From sending until its reply is whole; not less than `firstByte`.'),
  jitter: percentage().prefault('20%').describe('How far both stray from that, either way.'),
  callsPerMinute: wholeNumber({ atLeast: 1 })
    .optional()
    .describe('What it takes: beyond it calls are refused. Provisioned ones work it off steadily.'),
  limitWindow: duration()
    .prefault('10s')
    .describe('Over which the limit of a pay-as-you-go deployment is judged: its share of the minute.'),
  yieldAt,
  maxInFlight: wholeNumber({ atLeast: 1 })
    .optional()
    .describe('As under `endpoints.<name>`: the most attempts under way at a time.'),
});

const span = {
  from: moment.prefault('0s').describe('When it begins.'),
  to: moment.optional().describe('When it ends; without it, with the simulation.'),
};

const load = z.strictObject({
  ...span,
  perSecond: share().describe('Calls a second.'),
  arrivals: z.enum(['even', 'random']).default('even').describe('Evenly spaced, or by chance (Poisson).'),
  priority: z.enum(priorities).default('standard').describe('Of the product that makes the calls.'),
  consumer: z
    .string()
    .default('anybody')
    .describe('Who makes them: consumers of one priority take turns where calls wait.'),
  hedging: z
    .strictObject({ atLeast: duration().prefault('500ms') })
    .optional()
    .describe('As under `products.<name>`: a second attempt beside a slow one. Streams only.'),
  stream: z.boolean().default(true).describe('Whether replies are streamed.'),
  sessions: wholeNumber({ atLeast: 1 }).optional().describe('So many sessions take turns, for `session-sticky`.'),
});

const onSome = {
  ...span,
  endpoint: z.string().describe('Whose fault it is: a name under `endpoints`.'),
  share: percentage().prefault('100%').describe('The share of its calls that it happens to.'),
};

const faultKinds = 'refuse, hang, break, filter, status or slow';
const fault = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({ kind: z.literal('refuse'), ...onSome }).describe('The connection is refused at once.'),
    z.strictObject({ kind: z.literal('hang'), ...onSome }).describe('The call is accepted and never answered.'),
    z.strictObject({ kind: z.literal('break'), ...onSome }).describe('The reply breaks off in the middle.'),
    z.strictObject({ kind: z.literal('filter'), ...onSome }).describe('The content filter refuses the prompt.'),
    z.strictObject({
      kind: z.literal('status'),
      ...onSome,
      status: wholeNumber({ atLeast: 400, atMost: 599 }).describe('The status of the answer.'),
      retryAfter: duration().optional().describe('How long it asks to be left alone.'),
    }),
    z.strictObject({
      kind: z.literal('slow'),
      ...onSome,
      firstByte: duration().describe('How long the first byte takes instead.'),
    }),
  ],
  { error: `expected a map with a kind: ${faultKinds}` },
);

const keys = {
  seed: wholeNumber({ atLeast: 0 }).prefault(1).describe('Chance: the same seed gives the same run.'),
  duration: duration({ atMostMs: 86_400_000 }).prefault('60s').describe('How long the simulated time lasts.'),
  interval: duration().prefault('1s').describe('What a row of the table stands for.'),
  model: route,
  health: healthForAll.prefault({}),
  endpoints: z.record(azureName(), endpoint),
  load: z.array(load).min(1, 'expected at least one entry, such as [{ perSecond: 10 }]'),
  faults: z.array(fault).default([]),
};

/** A script of `tollgate route simulate`: a model as the configuration has it, how endpoints behave, who calls, what fails. */
export const scriptSection: ConfigSection<typeof keys> = {
  name: 'simulation',
  summary: 'A script of `tollgate route simulate`.',
  keys,
  references: [
    { from: ['model', 'tiers', '[]', '[]'], member: 'endpoint', to: 'endpoints', noun: 'endpoint' },
    { from: ['model', 'tiers', '[]', 'endpoints', '[]'], member: 'endpoint', to: 'endpoints', noun: 'endpoint' },
    { from: ['faults', '[]'], member: 'endpoint', to: 'endpoints', noun: 'endpoint' },
  ],
  check: (values) => [
    ...(values.model === undefined ? [] : findingsOfRoute(values.model, ['model'])),
    ...spans('load', values.load ?? []),
    ...spans('faults', values.faults ?? []),
    ...replies(values.endpoints ?? {}),
    ...size(values),
  ],
};

export type Script = ValuesOf<typeof scriptSection>;

function spans(
  key: string,
  entries: readonly { readonly from: number; readonly to?: number | undefined }[],
): ConfigFinding[] {
  return entries.flatMap(({ from, to }, at) =>
    to === undefined || to > from
      ? []
      : [{ path: [key, at, 'to'], message: 'it ends before it begins', fix: 'Name a moment after `from`.' }],
  );
}

function replies(
  endpoints: Readonly<Record<string, { readonly firstByte: number; readonly reply: number }>>,
): ConfigFinding[] {
  return Object.entries(endpoints).flatMap(([name, { firstByte, reply }]) =>
    reply >= firstByte
      ? []
      : [
          {
            path: ['endpoints', name, 'reply'],
            message: 'the reply is whole before its first byte',
            fix: 'Make it longer.',
          },
        ],
  );
}

const mostRows = 100_000;
const mostCalls = 5_000_000;

/** What would take longer to simulate than anybody waits. */
function size({
  duration: length,
  interval,
  load: entries = [],
}: Partial<Pick<Script, 'duration' | 'interval' | 'load'>>): ConfigFinding[] {
  if (length === undefined || interval === undefined) return [];
  const calls = entries.reduce(
    (sum, { from, to = length, perSecond }) => sum + (Math.max(0, Math.min(to, length) - from) / 1000) * perSecond,
    0,
  );
  return [
    ...(length / interval <= mostRows
      ? []
      : [
          {
            path: ['interval'],
            message: `the table would have more than ${mostRows} rows`,
            fix: 'Name a longer interval.',
          },
        ]),
    ...(calls <= mostCalls
      ? []
      : [{ path: ['load'], message: `these are more than ${mostCalls} calls`, fix: 'Simulate less.' }]),
  ];
}
