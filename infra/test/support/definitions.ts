import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { azureShape, type AzureTypes } from '../../../tools/bicep/azure-types.ts';
import type { Definitions } from '../../../tools/bicep/check-bodies.ts';
import { ownShape, type OwnDefinitions } from '../../../tools/bicep/own-definitions.ts';
import type { Allowed } from '../../../tools/bicep/shape.ts';
import { repositoryRoot, readInfra } from './snapshot.ts';

/** The properties that the templates use, in our own words: what every clone is checked with. */
export const ownDefinitions: OwnDefinitions = JSON.parse(readInfra('test/definitions.json'));
export const own: Definitions = (type) => ownShape(ownDefinitions, type);

/** Azure's own type definitions, where somebody has put them beside the repository. */
export const azureTypesFile = path.resolve(repositoryRoot, '../shared/bicep-types/types.json');
export const hasAzureTypes = existsSync(azureTypesFile);

export function azureDefinitions(): Definitions {
  const types: AzureTypes = JSON.parse(readFileSync(azureTypesFile, 'utf8'));
  // Types that are not among them are judged by our own words alone; `undescribed` says which.
  return (type) => azureShape(types, type) ?? own(type);
}

/** Types that Azure's definitions, as they lie there, do not hold. Everything else is compared with them. */
export const undescribed: readonly string[] = [
  'Microsoft.ApiManagement/service/certificates@2024-05-01',
  'Microsoft.Cdn/profiles/afdEndpoints/routes@2024-09-01',
  'Microsoft.Cdn/profiles/afdEndpoints@2024-09-01',
  'Microsoft.Cdn/profiles/originGroups/origins@2024-09-01',
  'Microsoft.Cdn/profiles/originGroups@2024-09-01',
  'Microsoft.Cdn/profiles/securityPolicies@2024-09-01',
  'Microsoft.Cdn/profiles@2024-09-01',
  'Microsoft.Network/FrontDoorWebApplicationFirewallPolicies@2024-02-01',
  'Microsoft.Storage/storageAccounts/fileServices@2026-04-01',
];

/** Values that Azure takes although its definitions do not list them. */
export const allowed: Allowed = new Map([
  [
    'Microsoft.Insights/dataCollectionRules.kind=Direct',
    'a rule that is its own ingestion endpoint; documented for the Logs Ingestion API, absent from the enumeration',
  ],
  [
    'Microsoft.Insights/dataCollectionRules.properties.dataFlows[].streams[]=Custom-TollgateUsage_CL',
    'streams of custom tables are named after them; the enumeration lists the streams that are built in',
  ],
  [
    'Microsoft.Portal/dashboards.properties.lenses[].parts[].metadata.type=Extension/Microsoft_OperationsManagementSuite_Workspace/PartType/LogsDashboardPart',
    'parts belong to extensions of the portal; the definitions describe the markdown part alone',
  ],
  [
    'Microsoft.Portal/dashboards.properties.lenses[].parts[].metadata.type=Extension/AppInsightsExtension/PartType/AppMapButtonPart',
    'the application map of Application Insights; see above',
  ],
]);
