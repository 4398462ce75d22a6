import { Failure } from '#kernel/errors.ts';
import type { Plan, Standing } from './routing/plan.ts';

const words: Partial<Record<Standing, string>> = {
  throttled: 'throttled',
  full: 'busy',
  broken: 'failing',
  probing: 'failing',
  quarantined: 'refusing the gateway',
  drained: 'out of service',
  'forced-open': 'out of service',
};

/** `2 throttled, 1 failing`: no names, which are internals. */
function census(states: readonly Standing[]): string {
  const counts = new Map<string, number>();
  for (const state of states) {
    const word = words[state] ?? 'failed just now';
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return [...counts].map(([word, count]) => `${count} ${word}`).join(', ');
}

const seconds = (ms: number | undefined): number => Math.max(1, Math.ceil((ms ?? 1000) / 1000));

/** Passes by waiting. */
const passing = (state: Standing): boolean => state === 'throttled' || state === 'full';

function withoutCapacity(states: readonly Standing[], waited: boolean): string {
  if (states.every((state) => state === 'throttled')) return 'Every endpoint of this model is throttled.';
  if (states.every((state) => state === 'full')) return 'Every endpoint of this model is busy.';
  // What is free now is for those who have waited longer.
  if (waited && states.includes('available')) return 'The endpoints of this model can take no more calls now.';
  return `No endpoint can take the call now. The endpoints of this model: ${census(states)}.`;
}

/**
 * What the client is told when no attempt is left: how each endpoint of the model stands, and the shortest time after which
 * one of them may be tried again. A want of capacity goes before everything else, because it passes by waiting. `attempts`:
 * of the call so far, whatever the model; `wait`: a sentence about what came of waiting.
 */
export function exhausted(plan: Plan, attempts: number, wait?: string): Failure {
  const states = plan.states();
  const retriesSpent = attempts > 1;
  const retryAfterSeconds = seconds(plan.shortestWaitMs());
  const waited = wait === undefined ? '' : ` ${wait}`;
  // Whoever has been in the queue was there for want of capacity, which may have come for somebody else.
  if (wait !== undefined || states.some(passing))
    return new Failure('upstream_throttled', `${withoutCapacity(states, wait !== undefined)}${waited}`, {
      retryAfterSeconds,
      retriesSpent,
    });
  if (states.every((state) => state === 'quarantined')) {
    return new Failure('upstream_misconfigured', 'The endpoints of this model do not accept the gateway.', {
      retriesSpent: true,
    });
  }
  const why = plan.outOfRetries ? ' No more retries are made while they fail.' : '';
  return new Failure(
    'upstream_unavailable',
    `No endpoint of this model could serve the call. The endpoints of this model: ${census(states)}.${why}`,
    { retryAfterSeconds, retriesSpent },
  );
}
