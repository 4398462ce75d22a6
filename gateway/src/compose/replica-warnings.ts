import type { ConfigFinding } from '#kernel/config-section.ts';
import type { Config } from '#config-sections.ts';
import type { Settings } from '#settings.ts';

/**
 * What is doubtful where several gateways run: shared counters are for nothing else. Those that share the data folder share
 * the signing key in it, too.
 */
export function replicaWarnings(
  { counters, routing }: Config,
  { dataShared }: Pick<Settings, 'dataShared'>,
): readonly ConfigFinding[] {
  if (counters === undefined || counters === 'memory' || routing.affinity.keys.length > 0) return [];
  if (dataShared === true) return [];
  return [
    {
      path: ['counters'],
      message:
        'the gateways that share them sign ids each with a key of its own, so that a stored response or a conversation is ' +
        'found only by the one that made it',
      fix: 'Give all of them the same `routing.affinity.keys`, or one data folder and TOLLGATE_DATA_SHARED=true.',
      severity: 'warning',
    },
  ];
}
