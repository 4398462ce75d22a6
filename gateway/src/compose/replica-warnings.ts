import type { ConfigFinding } from '#kernel/config-section.ts';
import type { Config } from '#config-sections.ts';

/** What is doubtful where several gateways run: shared counters are for nothing else. */
export function replicaWarnings({ counters, routing }: Config): readonly ConfigFinding[] {
  if (counters === undefined || counters === 'memory' || routing.affinity.keys.length > 0) return [];
  return [
    {
      path: ['counters'],
      message:
        'the gateways that share them sign ids each with a key of its own, so that a stored response or a conversation is ' +
        'found only by the one that made it',
      fix: 'Give all of them the same `routing.affinity.keys`.',
      severity: 'warning',
    },
  ];
}
