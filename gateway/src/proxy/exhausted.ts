import { Failure } from '#kernel/errors.ts';
import type { HealthState } from './routing/endpoint-state.ts';
import type { Plan } from './routing/plan.ts';

const words: Partial<Record<HealthState, string>> = {
  throttled: 'throttled',
  broken: 'failing',
  probing: 'failing',
  quarantined: 'refusing the gateway',
  drained: 'out of service',
  'forced-open': 'out of service',
};

/** `2 throttled, 1 failing`: no names, which are internals. */
function census(states: readonly HealthState[]): string {
  const counts = new Map<string, number>();
  for (const state of states) {
    const word = words[state] ?? 'failed just now';
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return [...counts].map(([word, count]) => `${count} ${word}`).join(', ');
}

const seconds = (ms: number | undefined): number => Math.max(1, Math.ceil((ms ?? 1000) / 1000));

/**
 * What the client is told when no attempt is left: how each endpoint of the model stands, and the shortest time after which
 * one of them may be tried again. A throttle goes before everything else, because it is the one that passes by waiting.
 */
export function exhausted(plan: Plan): Failure {
  const states = plan.states();
  const retriesSpent = plan.made > 1;
  const endpoints = `The endpoints of this model: ${census(states)}.`;
  const retryAfterSeconds = seconds(plan.shortestWaitMs());
  if (states.includes('throttled')) {
    const all = states.every((state) => state === 'throttled');
    const message = all
      ? 'Every endpoint of this model is throttled.'
      : `No endpoint can take the call now. ${endpoints}`;
    return new Failure('upstream_throttled', message, { retryAfterSeconds, retriesSpent });
  }
  if (states.every((state) => state === 'quarantined')) {
    return new Failure('upstream_misconfigured', 'The endpoints of this model do not accept the gateway.', {
      retriesSpent: true,
    });
  }
  const why = plan.outOfRetries ? ' No more retries are made while they fail.' : '';
  return new Failure('upstream_unavailable', `No endpoint of this model could serve the call. ${endpoints}${why}`, {
    retryAfterSeconds,
    retriesSpent,
  });
}
