import { createHash } from 'node:crypto';
import { asText, type Value } from '../../../tools/bicep/values.ts';
import { at, listAt, made } from './problems.ts';
import type { Snapshot } from './snapshot.ts';

/** What the templates give the gateway's container; values that only Azure knows stand in ⟦…⟧. */
export interface DeployedGateway {
  readonly environment: Readonly<Record<string, string>>;
  /** The text of the file that is mounted, and where. */
  readonly configuration: string;
  readonly configurationPath: string;
  readonly dataFolder: string;
  readonly probes: readonly { readonly type: string; readonly path: string; readonly port: number }[];
  readonly targetPort: number;
}

export function deployedGateway(snapshot: Snapshot): DeployedGateway {
  const [app] = made(snapshot, 'Microsoft.App/containerApps');
  const container = listAt(app?.body, 'properties.template.containers')[0];
  const mounts = listAt(container, 'volumeMounts');
  const volume = listAt(app?.body, 'properties.template.volumes').find((one) => at(one, 'storageType') === 'Secret');
  const secret = at(volume, 'secrets.0.secretRef');
  const folder = mounts.find((one) => at(one, 'volumeName') === at(volume, 'name'));
  const data = mounts.find((one) => one !== folder);
  return {
    environment: Object.fromEntries(listAt(container, 'env').map((one) => [textAt(one, 'name'), textAt(one, 'value')])),
    configuration: textAt(
      listAt(app?.body, 'properties.configuration.secrets').find((one) => at(one, 'name') === secret),
      'value',
    ),
    configurationPath: `${textAt(folder, 'mountPath')}/${textAt(volume, 'secrets.0.path')}`,
    dataFolder: textAt(data, 'mountPath'),
    probes: listAt(container, 'probes').map((probe) => ({
      type: textAt(probe, 'type'),
      path: textAt(probe, 'httpGet.path'),
      port: Number(at(probe, 'httpGet.port')),
    })),
    targetPort: Number(at(app?.body, 'properties.configuration.ingress.targetPort')),
  };
}

const textAt = (value: Value | undefined, path: string): string => asText(at(value, path) ?? '');

function guidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return `7a0f1c00-0000-4000-8000-${hex.slice(0, 12)}`;
}

/** Stand-ins for what Azure would tell: ids where ids belong, hosts where hosts do. */
export function filledIn(text: string): string {
  return text.replaceAll(/⟦[^⟦⟧]*⟧/g, (unknown) => {
    if (/(principalId|clientId|customerId)⟧$/.test(unknown)) return guidOf(unknown);
    if (unknown.endsWith('immutableId⟧')) return `dcr-${guidOf(unknown).replaceAll('-', '')}`;
    if (/logsIngestion(\.endpoint)?⟧$/.test(unknown)) return 'https://rule.swedencentral-1.ingest.monitor.azure.com';
    if (unknown.endsWith('ConnectionString⟧'))
      return `InstrumentationKey=${guidOf(unknown)};IngestionEndpoint=https://swedencentral-1.in.applicationinsights.azure.com/`;
    if (/^⟦appcs-.*endpoint⟧$/.test(unknown)) return 'https://contoso.azconfig.io';
    if (unknown.endsWith('port⟧')) return '10000';
    return `${unknown.slice(1, -1).replaceAll(/[^A-Za-z0-9]+/g, '-')}.example`;
  });
}
