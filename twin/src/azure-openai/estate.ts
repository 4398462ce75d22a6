import type { Clock } from '#kernel/clock.ts';
import { ProvisionedCapacity, StandardCapacity, type Capacity, type LimitSettings } from './capacity.ts';
import type { DeploymentConfig, EstateConfig } from './config.ts';
import { PromptCache } from './prompt.ts';

export type ModelKind = 'chat' | 'completion' | 'embedding';

/** One deployment, with what it remembers while the twin runs. */
export class Deployment {
  readonly name: string;
  readonly kind: ModelKind;
  readonly provisioned: boolean;
  /** It takes batches, and no calls. */
  readonly forBatches: boolean;
  readonly capacity: Capacity;
  readonly cache: PromptCache;
  config: DeploymentConfig;
  private forcedUtilization: number | undefined;

  constructor(
    name: string,
    given: { readonly config: DeploymentConfig; readonly clock: Clock; readonly cacheMinimum: number },
  ) {
    this.name = name;
    this.config = given.config;
    this.kind = kindOf(given.config.model);
    this.provisioned = given.config.type.endsWith('ProvisionedManaged');
    this.forBatches = given.config.type.endsWith('Batch');
    this.cache = new PromptCache(given.cacheMinimum);
    const limits = (): DeploymentConfig => this.config;
    this.capacity = this.provisioned
      ? new ProvisionedCapacity(given.clock, { limits, forcedUtilization: () => this.forcedUtilization })
      : new StandardCapacity(given.clock, limits);
  }

  /** What replies call the model: name and version. */
  get reportedModel(): string {
    const { model, version } = this.config;
    return version === undefined || this.kind === 'embedding' ? model : `${model}-${version}`;
  }

  get reasons(): boolean {
    return /^(gpt-[5-9]|o\d)/.test(this.config.model) && !this.config.model.includes('chat');
  }

  limit(settings: LimitSettings): void {
    const { utilization, ...limits } = settings;
    const given = Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
    this.config = { ...this.config, ...given };
    if (utilization !== undefined) this.forcedUtilization = utilization ?? undefined;
    this.capacity.reset();
  }

  reset(): void {
    this.capacity.reset();
    this.cache.clear();
  }
}

function kindOf(model: string): ModelKind {
  if (model.includes('embedding')) return 'embedding';
  return /instruct|davinci|babbage/.test(model) ? 'completion' : 'chat';
}

export interface Resource {
  readonly name: string;
  readonly region: string;
  readonly key: string;
  readonly deployments: ReadonlyMap<string, Deployment>;
}

/** All resources. The first one answers paths without a prefix. */
export class Estate {
  readonly resources: ReadonlyMap<string, Resource>;
  readonly first: Resource | undefined;

  constructor(
    config: EstateConfig,
    given: { readonly clock: Clock; readonly key: string; readonly cacheMinimum: number },
  ) {
    this.resources = new Map(
      Object.entries(config).map(([name, resource]) => [
        name,
        {
          name,
          region: resource.region,
          key: resource.key ?? given.key,
          deployments: new Map(
            Object.entries(resource.deployments).map(([deployment, settings]) => [
              deployment,
              new Deployment(deployment, { config: settings, ...given }),
            ]),
          ),
        },
      ]),
    );
    this.first = this.resources.values().next().value;
  }

  /** Every deployment that fits; all of them where nothing is named. */
  deployments(match: {
    readonly resource?: string | undefined;
    readonly deployment?: string | undefined;
  }): Deployment[] {
    return [...this.resources.values()]
      .filter((resource) => match.resource === undefined || resource.name === match.resource)
      .flatMap((resource) => [...resource.deployments.values()])
      .filter((deployment) => match.deployment === undefined || deployment.name === match.deployment);
  }

  reset(): void {
    for (const deployment of this.deployments({})) deployment.reset();
  }
}
