import type { Config } from '#config-sections.ts';
import { costCentrePath } from '#snapshot.ts';
import type { Asked } from '#accounting/reports/asked.ts';
import { currencyRates } from '#accounting/reports/config.ts';
import type { ReportSettings } from '#accounting/reports/subject.ts';
import type { Snapshot } from '#model/snapshot.ts';

interface InForce {
  readonly config: Config;
  readonly snapshot: Snapshot;
  /** UTC ms. */
  readonly now: number;
}

/** What a question is judged by: the configuration as it is now. */
export function reportSettings({ config, snapshot, now }: InForce, asked: Asked): ReportSettings {
  return {
    timeZone: config.timeZone,
    currencies: currencyRates(config),
    now,
    // Only filters ask for names, and there may be ten thousand.
    configured:
      asked['filter'] === undefined && asked['costCentre'] === undefined ? {} : configuredNames(config, snapshot),
  };
}

function configuredNames(config: Config, { directory, endpoints }: Snapshot): ReportSettings['configured'] {
  const subscriptions = [...directory.subscriptions.values()];
  const all = [...endpoints.values()];
  return {
    consumer: subscriptions.map((one) => one.consumer),
    'cost-centre': [
      ...Object.keys(config.costCentres).map((name) => costCentrePath(config, name)),
      ...subscriptions.map((one) => one.costCentrePath),
    ],
    product: [...directory.products.keys()],
    subscription: subscriptions.map((one) => one.name),
    model: all.map((one) => one.model),
    endpoint: all.map((one) => one.name),
    deployment: all.map((one) => `${one.resourceName}/${one.deployment}`),
    resource: all.map((one) => one.resourceName),
    'deployment-type': all.map((one) => one.deploymentType),
    region: all.map((one) => one.region),
  };
}
