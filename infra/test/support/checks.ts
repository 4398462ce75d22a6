import { checkBodies, checkReads, type Definitions } from '../../../tools/bicep/check-bodies.ts';
import type { Problem } from '../../../tools/bicep/problem.ts';
import { checkStatically } from '../../../tools/bicep/static-checks.ts';
import { isDeclaration } from '../../../tools/bicep/syntax.ts';
import { TemplateSet } from '../../../tools/bicep/template-set.ts';
import type { Value } from '../../../tools/bicep/values.ts';
import * as deployments from '../rules/deployments.ts';
import { valuesFit } from '../rules/fit.ts';
import * as front from '../rules/front.ts';
import { rolesGoWhereTheyBelong } from '../rules/holders.ts';
import * as identities from '../rules/identities.ts';
import { namesAreTaken } from '../rules/names.ts';
import * as network from '../rules/network.ts';
import { pathsAreOpen } from '../rules/paths.ts';
import * as roles from '../rules/roles.ts';
import { partsAreWired } from '../rules/wiring.ts';
import { allowed } from './definitions.ts';
import { profiles } from './profiles.ts';
import { snapshot, type Snapshot } from './snapshot.ts';

type Environment = Readonly<Record<string, string>>;

/** Everything that is wrong with the templates: first without parameters, then with each profile. */
export function checkTemplates(files: ReadonlyMap<string, string>, definitions: Definitions): Problem[] {
  const templates = new TemplateSet(files);
  const syntax = templates.syntaxProblems();
  if (syntax.length > 0) return syntax;
  return distinct([
    ...checkWithoutParameters(files, { templates, definitions }),
    ...[...checkProfiles(files, { templates, definitions })].flat(),
  ]);
}

/** Whether one check notices something: as checkTemplates, but only until then. */
export function notices(rule: string, files: ReadonlyMap<string, string>, definitions: Definitions): string[] {
  const templates = new TemplateSet(files);
  const syntax = templates.syntaxProblems();
  const found = new Set(syntax.map((problem) => problem.rule));
  if (syntax.length > 0) return [...found];
  for (const problem of checkWithoutParameters(files, { templates, definitions })) found.add(problem.rule);
  for (const problems of found.has(rule) ? [] : checkProfiles(files, { templates, definitions })) {
    for (const problem of problems) found.add(problem.rule);
    if (found.has(rule)) break;
  }
  return [...found];
}

function checkWithoutParameters(
  files: ReadonlyMap<string, string>,
  { templates, definitions }: { templates: TemplateSet; definitions: Definitions },
): Problem[] {
  return [
    ...checkStatically(templates),
    ...checkReads(templates, definitions),
    ...deployments.chainsAreKept(templates),
    ...deployments.collidingLoopsAreSerial(templates),
    ...identities.keysAreNotRead(files),
    ...roles.assignmentNamesHoldTheRole(files),
    ...roles.namesAreOfTheGroup(files),
    ...front.policiesAreGood(files),
  ];
}

/** What is wrong with one profile after the other; last, what none of them deploys. */
function* checkProfiles(
  files: ReadonlyMap<string, string>,
  { templates, definitions }: { templates: TemplateSet; definitions: Definitions },
): Generator<Problem[]> {
  const reached = new Set<string>();
  for (const environment of profiles.values()) {
    const made = snapshot(templates, environment);
    for (const one of made.reached) reached.add(one);
    const bodies = checkBodies(made.resources, { definitions, allowed });
    yield [...made.problems, ...bodies, ...checkSnapshot(made, { environment, files }), ...unansweredQuestions(made)];
  }
  yield neverDeployed(templates, reached);
}

function checkSnapshot(
  made: Snapshot,
  { environment, files }: { environment: Environment; files: ReadonlyMap<string, string> },
): Problem[] {
  const data = (file: string): Value => JSON.parse(files.get(file) ?? '{}');
  return [
    ...identities.demandsHold(made),
    ...identities.keysAreOffButForTheCache(made),
    ...identities.databasesKeepWhatTheyMust(made),
    ...identities.secretsAreNotComputed(made),
    ...roles.rolesAreNamed(made, data('roles.json')),
    ...roles.rolesOpenNoMore(made, data('roles.json')),
    ...rolesGoWhereTheyBelong(made, data('roles.json'), environment),
    ...roles.deployerKindIsFollowed(made, environment),
    ...roles.idsAreUnique(made),
    ...network.isolationHolds(made, environment),
    ...network.addressesAreReal(made),
    ...network.zonesFit(made, data('data/private-dns.json')),
    ...network.subnetsAreGuarded(made),
    ...network.subnetsStay(made),
    ...network.subnetsDoNotOverlap(made),
    ...network.zonesAreAParameter(made, environment),
    ...network.zonesAreShared(made, environment),
    ...network.isTagged(made),
    ...pathsAreOpen(made),
    ...partsAreWired(made, environment),
    ...valuesFit(made, environment),
    ...deployments.deploymentsAreWhole(made),
    ...front.apiManagementIsDiscreet(made),
    ...front.originIsProven(made),
    ...front.timesFit(made),
    ...front.idleMinutesMeanSomething(made),
    ...front.frontDoorFits(made),
    ...front.policiesArePutTogether(made),
    ...front.replicasFit(made),
    ...front.imageIsKept(made, environment),
    ...namesAreTaken(made),
  ];
}

/** `azd up --no-prompt` asks nothing: every parameter has a value or a default. */
function unansweredQuestions({ unset }: Snapshot): Problem[] {
  return unset.map((name) => ({
    rule: 'no-prompt',
    file: 'main.parameters.json',
    line: 1,
    message: `${name} has neither a value nor a default`,
  }));
}

/** What no profile deploys is checked by none. */
function neverDeployed(templates: TemplateSet, reached: ReadonlySet<string>): Problem[] {
  return templates.files.flatMap((file) =>
    templates
      .get(file)
      .statements.filter(isDeclaration)
      .filter(({ name }) => !reached.has(`${file}#${name}`))
      .map(({ name, line }) => ({ rule: 'never-deployed', file, line, message: `no profile deploys '${name}'` })),
  );
}

function distinct(problems: readonly Problem[]): Problem[] {
  return [...new Map(problems.map((problem) => [JSON.stringify(problem), problem])).values()];
}
