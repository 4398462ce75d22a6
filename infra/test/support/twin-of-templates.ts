import type { startTwin } from '../../../twin/src/server.ts';
import { asText } from '../../../tools/bicep/values.ts';
import { at, made } from './problems.ts';
import type { Snapshot } from './snapshot.ts';

type Options = NonNullable<Parameters<typeof startTwin>[0]>;
type Streams = NonNullable<Options['logs']>[string];
type Resources = NonNullable<NonNullable<Parameters<typeof startTwin>[0]>['resources']>;

/** The accounts and deployments that the templates would make, as the twin plays them. */
export function asTwinResources(deployment: Snapshot): Resources {
  const deployments = made(deployment, 'Microsoft.CognitiveServices/accounts/deployments');
  const accounts = made(deployment, 'Microsoft.CognitiveServices/accounts').map(
    (account): [string, Resources[string]] => [
      account.name,
      {
        region: asText(account.body['location'] ?? ''),
        deployments: Object.fromEntries(
          deployments
            .filter(({ id }) => id.startsWith(`${account.id}/`))
            .map(({ name, body }) => [
              name,
              {
                model: asText(at(body, 'properties.model.name') ?? ''),
                version: asText(at(body, 'properties.model.version') ?? ''),
                type: deploymentType(asText(at(body, 'sku.name') ?? '')),
              },
            ]),
        ),
      },
    ],
  );
  return Object.fromEntries(accounts);
}

type DeploymentType = NonNullable<Resources[string]['deployments'][string]['type']>;

function deploymentType(name: string): DeploymentType {
  if (name !== 'GlobalStandard' && name !== 'DataZoneStandard' && name !== 'Standard')
    throw new Error(`${name} is not played here`);
  return name;
}

/** The streams of the data collection rule, as it declares them. */
export function asTwinStreams(deployment: Snapshot): Streams {
  const [rule] = made(deployment, 'Microsoft.Insights/dataCollectionRules');
  const streams: Streams = JSON.parse(JSON.stringify(at(rule?.body, 'properties.streamDeclarations') ?? {}));
  return streams;
}

/** What the templates write into App Configuration. */
export function keyValuesOf(deployment: Snapshot): { key: string; value: string; contentType: string }[] {
  return made(deployment, 'Microsoft.AppConfiguration/configurationStores/keyValues').map(({ name, body }) => ({
    key: name,
    value: asText(at(body, 'properties.value') ?? ''),
    contentType: asText(at(body, 'properties.contentType') ?? ''),
  }));
}
