import type { Problem } from '../../../tools/bicep/problem.ts';
import type { TemplateSet } from '../../../tools/bicep/template-set.ts';
import { isDeclaration, type Declaration } from '../../../tools/bicep/syntax.ts';
import { asText } from '../../../tools/bicep/values.ts';
import { everyExpression } from '../../../tools/bicep/walk.ts';
import { at, made, problemAt } from '../support/problems.ts';
import type { Snapshot } from '../support/snapshot.ts';

/** Filters are attached, capacities are real, spillover targets are there, accounts of different regions differ. */
export function deploymentsAreWhole(snapshot: Snapshot): Problem[] {
  const policies = new Set(made(snapshot, 'Microsoft.CognitiveServices/accounts/raiPolicies').map(({ id }) => id));
  const deployments = made(snapshot, 'Microsoft.CognitiveServices/accounts/deployments');
  const ids = new Set(deployments.map(({ id }) => id));
  return deployments.flatMap((deployment) => {
    const problems: Problem[] = [];
    const account = deployment.id.split('/deployments/')[0] ?? '';
    const filter = asText(at(deployment.body, 'properties.raiPolicyName') ?? '');
    if (!policies.has(`${account}/raiPolicies/${filter}`))
      problems.push(problemAt(deployment, 'content-filter', `no content filter '${filter}' is made in its account`));
    const capacity = at(deployment.body, 'sku.capacity');
    if (typeof capacity !== 'number' || capacity < 1)
      problems.push(problemAt(deployment, 'capacity', `a capacity of ${JSON.stringify(capacity)} deploys nothing`));
    const provisioned = asText(at(deployment.body, 'sku.name') ?? '').includes('Provisioned');
    const target = at(deployment.body, 'properties.spilloverDeploymentName');
    if (provisioned && (typeof target !== 'string' || !ids.has(`${account}/deployments/${target}`)))
      problems.push(
        problemAt(deployment, 'spillover', `its spillover target ${JSON.stringify(target)} is not in its account`),
      );
    if (at(deployment.body, 'properties.versionUpgradeOption') === undefined)
      problems.push(problemAt(deployment, 'model', 'does not say when its version may change'));
    return problems;
  });
}

interface Chain {
  readonly file: string;
  readonly symbol: string;
  readonly after: string;
  readonly why: string;
}

/** Names are texts, so Azure cannot see these: each is said. */
const chains: readonly Chain[] = [
  { file: 'core/ai/account.bicep', symbol: 'policies', after: 'blocklists', why: 'a filter names blocklists' },
  { file: 'core/ai/account.bicep', symbol: 'payAsYouGo', after: 'policies', why: 'a deployment names its filter' },
  {
    file: 'core/ai/account.bicep',
    symbol: 'provisionedThroughput',
    after: 'payAsYouGo',
    why: 'it names its spillover target',
  },
  { file: 'core/monitor/usage-records.bicep', symbol: 'rule', after: 'table', why: 'the rule writes to the table' },
  ...['appConfiguration', 'environment', 'openAi'].map((after) => ({
    file: 'resources.bicep',
    symbol: 'configurationValues',
    after,
    why: 'who writes needs the right first, and a right takes minutes to be known',
  })),
  {
    file: 'core/config/configuration-values.bicep',
    symbol: 'sentinel',
    after: 'sections',
    why: 'who looks when it changes must find all that has changed',
  },
  {
    file: 'core/apim/service.bicep',
    symbol: 'logger',
    after: 'publisherRole',
    why: 'the logger is tried when it is made',
  },
  { file: 'core/apim/api.bicep', symbol: 'apiPolicy', after: 'backend', why: 'the policy names the backend' },
  { file: 'core/apim/api.bicep', symbol: 'apiPolicy', after: 'audience', why: 'the policy names the value' },
  { file: 'core/apim/api.bicep', symbol: 'apiPolicy', after: 'frontDoor', why: 'the policy names the value' },
  {
    file: 'core/database/postgres.bicep',
    symbol: 'database',
    after: 'administrator',
    why: 'the server takes one change at a time',
  },
  { file: 'core/edge/front-door.bicep', symbol: 'route', after: 'origin', why: 'a route to no origin is refused' },
  {
    file: 'core/monitor/private-link-scope.bicep',
    symbol: 'endpoint',
    after: 'scoped',
    why: 'its records are those of what is in the scope',
  },
  { file: 'resources.bicep', symbol: 'gateway', after: 'openAi', why: 'it would start without its rights' },
  {
    file: 'resources.bicep',
    symbol: 'apimApi',
    after: 'apimCertificateRole',
    why: 'the right to read the certificate is given there',
  },
];

export function chainsAreKept(templates: TemplateSet): Problem[] {
  return chains.flatMap(({ file, symbol, after, why }): Problem[] => {
    const declaration = declarationOf(templates, file, symbol);
    if (declaration === undefined) return [{ rule: 'depends-on', file, line: 1, message: `there is no '${symbol}'` }];
    const names = everyExpression(declaration.body).flatMap((one) => (one.kind === 'name' ? [one.name] : []));
    if (names.includes(after)) return [];
    return [
      { rule: 'depends-on', file, line: declaration.line, message: `'${symbol}' must wait for '${after}': ${why}` },
    ];
  });
}

/** What collides in one account is made one after the other. */
const oneByOne = [
  ['core/ai/account.bicep', 'blocklists'],
  ['core/ai/account.bicep', 'policies'],
  ['core/ai/account.bicep', 'payAsYouGo'],
  ['core/ai/account.bicep', 'provisionedThroughput'],
  ['core/cache/redis.bicep', 'access'],
  ['core/monitor/private-link-scope.bicep', 'scoped'],
] as const;

export function collidingLoopsAreSerial(templates: TemplateSet): Problem[] {
  return oneByOne.flatMap(([file, symbol]): Problem[] => {
    const declaration = declarationOf(templates, file, symbol);
    const size = declaration?.decorators.find(({ name }) => name === 'batchSize')?.args[0];
    if (size?.kind === 'literal' && size.value === 1) return [];
    return [
      {
        rule: 'batch-size',
        file,
        line: declaration?.line ?? 1,
        message: `'${symbol}' needs @batchSize(1): side by side they collide`,
      },
    ];
  });
}

function declarationOf(templates: TemplateSet, file: string, symbol: string): Declaration | undefined {
  return templates.has(file)
    ? templates
        .get(file)
        .statements.filter(isDeclaration)
        .find(({ name }) => name === symbol)
    : undefined;
}
