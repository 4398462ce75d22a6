import type { ConfigFinding } from '#kernel/config-section.ts';

type Endpoints = Readonly<Record<string, { readonly type: string; readonly model: string; readonly resource: string }>>;
type Routes = Readonly<
  Record<
    string,
    {
      readonly tiers: readonly { readonly endpoints: readonly { readonly endpoint: string }[] }[];
      readonly batch?: readonly string[] | undefined;
    }
  >
>;

const takesBatches = (type: string | undefined): boolean => type?.endsWith('Batch') === true;

/** Batch deployments answer no calls, and the others run no batches. */
export function findingsOfBatch(endpoints: Endpoints, models: Routes): readonly ConfigFinding[] {
  return Object.entries(models).flatMap(([name, { tiers, batch = [] }]) => [
    ...ofTiers(endpoints, { name, tiers }),
    ...ofBatch(endpoints, { name, batch }),
    ...ofModels(endpoints, { name, tiers, batch }),
  ]);
}

function ofTiers(
  endpoints: Endpoints,
  { name, tiers }: { readonly name: string; readonly tiers: Routes[string]['tiers'] },
): readonly ConfigFinding[] {
  return tiers.flatMap((tier, at) =>
    tier.endpoints
      .filter(({ endpoint }) => takesBatches(endpoints[endpoint]?.type))
      .map(({ endpoint }) => ({
        path: ['models', name, 'tiers', at],
        message: `'${endpoint}' is a batch deployment, which answers no calls`,
        fix: `Name it under models.${name}.batch instead.`,
      })),
  );
}

/** The most that a line may use is known of the model that the tiers serve. */
function ofModels(
  endpoints: Endpoints,
  {
    name,
    tiers,
    batch,
  }: { readonly name: string; readonly tiers: Routes[string]['tiers']; readonly batch: readonly string[] },
): readonly ConfigFinding[] {
  const served = new Set(tiers.flatMap((tier) => tier.endpoints.map(({ endpoint }) => endpoints[endpoint]?.model)));
  return batch.flatMap((endpoint, at) => {
    const model = endpoints[endpoint]?.model;
    if (model === undefined || served.has(model) || served.has(undefined)) return [];
    return [
      {
        path: ['models', name, 'batch', at],
        message: `'${endpoint}' serves ${model}, and the tiers serve ${[...served].join(', ')}`,
        fix: 'Name a batch deployment of the same model, or make a model of its own.',
      },
    ];
  });
}

function ofBatch(
  endpoints: Endpoints,
  { name, batch }: { readonly name: string; readonly batch: readonly string[] },
): readonly ConfigFinding[] {
  const findings: ConfigFinding[] = [];
  for (const [at, endpoint] of batch.entries()) {
    const type = endpoints[endpoint]?.type;
    const path = ['models', name, 'batch', at];
    if (type !== undefined && !takesBatches(type))
      findings.push({
        path,
        message: `'${endpoint}' is of type ${type}, which runs no batches`,
        fix: 'Name a deployment of type GlobalBatch or DataZoneBatch.',
      });
    if (batch.indexOf(endpoint) < at)
      findings.push({ path, message: `'${endpoint}' stands here already`, fix: 'Take it out.' });
  }
  return findings;
}
