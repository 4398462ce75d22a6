import type { Problem } from '../../../tools/bicep/problem.ts';
import { asText, isObject, type Value } from '../../../tools/bicep/values.ts';
import { at, made, problemAt } from '../support/problems.ts';
import type { Snapshot } from '../support/snapshot.ts';

/** Only roles of `roles.json`, each assignment named after scope, principal and role, nobody at the group or above. */
export function rolesAreNamed(snapshot: Snapshot, roles: Value): Problem[] {
  const known = isObject(roles) ? Object.values(roles).map((role) => asText(at(role, 'id') ?? '')) : [];
  const deployer = /^[0-9a-f-]{36}$/;
  return made(snapshot, 'Microsoft.Authorization/roleAssignments').flatMap((assignment) => {
    const problems: Problem[] = [];
    const role =
      asText(at(assignment.body, 'properties.roleDefinitionId') ?? '')
        .split('/')
        .at(-1) ?? '';
    if (!known.includes(role)) problems.push(problemAt(assignment, 'role', `${role} is not in roles.json`));
    if (!/\/providers\/.+\/providers\/Microsoft\.Authorization\//.test(assignment.id))
      problems.push(problemAt(assignment, 'role', 'is given on the whole group, not on one resource'));
    const principal = asText(at(assignment.body, 'properties.principalId') ?? '');
    const type = at(assignment.body, 'properties.principalType');
    if (type === undefined) problems.push(problemAt(assignment, 'role', 'does not say what kind of principal it is'));
    if (!deployer.test(principal) && type !== 'ServicePrincipal')
      problems.push(problemAt(assignment, 'role', `an identity is a ServicePrincipal, not ${JSON.stringify(type)}`));
    return problems;
  });
}

/** The kind of the deployer is what the parameter says: a pipeline is no user. */
export function deployerKindIsFollowed(snapshot: Snapshot, environment: Readonly<Record<string, string>>): Problem[] {
  const principal = environment['AZURE_PRINCIPAL_ID'];
  const wanted = environment['AZURE_PRINCIPAL_TYPE'] ?? 'User';
  return made(snapshot, 'Microsoft.Authorization/roleAssignments').flatMap((assignment): Problem[] => {
    if (at(assignment.body, 'properties.principalId') !== principal) return [];
    const type = at(assignment.body, 'properties.principalType');
    return type === wanted
      ? []
      : [problemAt(assignment, 'role', `the deployer is a ${wanted} here, not ${JSON.stringify(type)}`)];
  });
}

/** Two roles of one principal on one scope must not have one name; two things of one id are one thing. */
export function idsAreUnique(snapshot: Snapshot): Problem[] {
  const seen = new Map<string, string>();
  const problems: Problem[] = [];
  for (const resource of snapshot.resources.filter((one) => !one.existing)) {
    const before = seen.get(resource.id.toLowerCase());
    if (before !== undefined) problems.push(problemAt(resource, 'same-id', `is made twice, here and in ${before}`));
    seen.set(resource.id.toLowerCase(), `${resource.file}:${resource.line}`);
  }
  const deployments = new Set<string>();
  for (const { id, file, line } of snapshot.deployments) {
    if (deployments.has(id))
      problems.push({ rule: 'same-id', file, line, message: `two deployments are called ${id}` });
    deployments.add(id);
    if ((id.split('/').at(-1) ?? '').length > 64)
      problems.push({
        rule: 'name',
        file,
        line,
        message: `the name of the deployment ${id} is longer than 64 characters`,
      });
  }
  return problems;
}

/** Every name holds scope, principal and role: `guid(` of three. */
export function assignmentNamesHoldTheRole(files: ReadonlyMap<string, string>): Problem[] {
  return [...files].flatMap(([file, text]): Problem[] => {
    if (!file.endsWith('.bicep')) return [];
    return [...text.matchAll(/roleAssignments@[^\n]*=[\s\S]*?name: ([^\n]*)/g)].flatMap((found): Problem[] => {
      const line = text.slice(0, found.index).split('\n').length;
      if (
        /^guid\(\w+\.id, \w*[Pp]rincipalId|^guid\(\w+\.id, (reader|publisher), /.test(found[1] ?? '') &&
        /, roles\.\w+\.id\)$/.test(found[1] ?? '')
      )
        return [];
      return [
        {
          rule: 'role',
          file,
          line,
          message: `the name of the assignment must be guid(scope, principal, role), is ${found[1] ?? ''}`,
        },
      ];
    });
  });
}

/** Names that are unique in all of Azure are made of the group, whose id is; an environment's name is not. */
export function namesAreOfTheGroup(files: ReadonlyMap<string, string>): Problem[] {
  const text = files.get('resources.bicep') ?? '';
  return /var token = toLower\(uniqueString\(resourceGroup\(\)\.id, environmentName, location\)\)/.test(text)
    ? []
    : [
        {
          rule: 'token',
          file: 'resources.bicep',
          line: 1,
          message: 'two groups of one name would have one set of names',
        },
      ];
}

const wholeVault = /\/vaults\/[^/]+\/providers\//;
const wholeWorkspace = /\/workspaces\/[^/]+\/providers\//;

/** What a role would open beyond its purpose is left out: secrets of the gateway, tables of others. */
export function rolesOpenNoMore(snapshot: Snapshot, roles: Value): Problem[] {
  const idOf = (role: string): string => asText(at(roles, `${role}.id`) ?? '');
  return made(snapshot, 'Microsoft.Authorization/roleAssignments').flatMap((assignment): Problem[] => {
    const role = asText(at(assignment.body, 'properties.roleDefinitionId') ?? '');
    const principal = asText(at(assignment.body, 'properties.principalId') ?? '');
    if (role.endsWith(idOf('keyVaultSecretsUser')) && principal.includes('apim-') && wholeVault.test(assignment.id))
      return [problemAt(assignment, 'role', 'API Management would read every secret: its certificate is enough')];
    if (!role.endsWith(idOf('logAnalyticsDataReader')) || !wholeWorkspace.test(assignment.id)) return [];
    const condition = asText(at(assignment.body, 'properties.condition') ?? '');
    return condition.includes("tables:name] StringEquals 'TollgateUsage_CL'")
      ? []
      : [problemAt(assignment, 'role', 'the gateway would read every table: the one of usage records is enough')];
  });
}
