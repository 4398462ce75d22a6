import { duration, percentage, wholeNumber } from '#kernel/config-values.ts';
import { defaultHealthRules, type HealthRules } from '#model/health-rules.ts';
import { z } from 'zod';

/** Each setting of `health`, with its default where it stands for all endpoints, without where it is one endpoint's own. */
const fields = {
  window: duration({ atLeastMs: 100, atMostMs: 3_600_000 }).describe(
    'How far back failed and slow calls are counted. Refusals of a content filter, mistakes of clients and calls that a client broke off are never counted.',
  ),
  failuresInRow: wholeNumber({ atLeast: 1 }).describe(
    'So many calls one after the other that failed, or had no first byte in all their time, break the circuit, however much time lies between them.',
  ),
  failures: wholeNumber({ atLeast: 1 }).describe(
    'So many failures in the window break it too, if they are `failureShare` of the calls.',
  ),
  failureShare: percentage().describe('See `failures`.'),
  slowAfter: duration().describe('A stream whose first byte takes longer is a slow call; without it none is.'),
  slowCalls: wholeNumber({ atLeast: 1 }).describe(
    'So many slow calls in the window break it, if they are `slowShare` of the calls.',
  ),
  slowShare: percentage().describe('See `slowCalls`.'),
  openFor: duration({ atLeastMs: 100 }).describe(
    'How long a broken endpoint is left alone, unless it asked for longer. Doubles each time that a probe fails.',
  ),
  openAtMost: duration({ atLeastMs: 100 }).describe('Where the doubling ends.'),
  quarantine: duration({ atLeastMs: 100 }).describe(
    'How long an endpoint is left alone that refuses the credentials or does not know the deployment. Doubles as `openFor` does.',
  ),
  probes: wholeNumber({ atLeast: 1, atMost: 100 }).describe(
    'Calls at a time that find out whether an endpoint is well again.',
  ),
  closeAfter: wholeNumber({ atLeast: 1, atMost: 100 }).describe('Probes that must be answered until it is.'),
  rampUp: duration({ atLeastMs: 1 }).describe(
    'How long an endpoint that comes back takes to get all its calls again; at most as long as it was away.',
  ),
} as const;

const shown = (ms: number): string => (ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`);
const percent = (share: number): string => `${share * 100}%`;
const defaults = defaultHealthRules;

/** `health`: how every endpoint is judged. */
export const healthForAll = z.strictObject({
  window: fields.window.prefault(shown(defaults.windowMs)),
  failuresInRow: fields.failuresInRow.prefault(defaults.failuresInRow),
  failures: fields.failures.prefault(defaults.failureCount),
  failureShare: fields.failureShare.prefault(percent(defaults.failureShare)),
  slowAfter: fields.slowAfter.optional(),
  slowCalls: fields.slowCalls.prefault(defaults.slowCount),
  slowShare: fields.slowShare.prefault(percent(defaults.slowShare)),
  openFor: fields.openFor.prefault(shown(defaults.openMs)),
  openAtMost: fields.openAtMost.prefault(shown(defaults.openAtMostMs)),
  quarantine: fields.quarantine.prefault(shown(defaults.quarantineMs)),
  probes: fields.probes.prefault(defaults.probes),
  closeAfter: fields.closeAfter.prefault(defaults.closeAfter),
  rampUp: fields.rampUp.prefault(shown(defaults.rampMs)),
});

/** `endpoints.<name>.health`: where one endpoint is judged otherwise. */
export const healthOfOne = z.strictObject(fields).partial();

export type HealthValues = z.output<typeof healthForAll>;

/** The rules of one endpoint: its own where it has any, else those for all. */
export function healthRulesOf(all: HealthValues, own: z.output<typeof healthOfOne> | undefined): HealthRules {
  const values: HealthValues = Object.assign({}, all, own);
  return {
    windowMs: values.window,
    failuresInRow: values.failuresInRow,
    failureCount: values.failures,
    failureShare: values.failureShare,
    slowMs: values.slowAfter ?? null,
    slowCount: values.slowCalls,
    slowShare: values.slowShare,
    openMs: values.openFor,
    openAtMostMs: values.openAtMost,
    quarantineMs: values.quarantine,
    probes: values.probes,
    closeAfter: values.closeAfter,
    rampMs: values.rampUp,
  };
}
