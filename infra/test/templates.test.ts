import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatProblem } from '../../tools/bicep/problem.ts';
import { ownShape, stepsOf } from '../../tools/bicep/own-definitions.ts';
import type { Member, Shape } from '../../tools/bicep/shape.ts';
import { readTemplates, TemplateSet } from '../../tools/bicep/template-set.ts';
import { checkTemplates } from './support/checks.ts';
import {
  azureDefinitions,
  azureTypesFile,
  hasAzureTypes,
  own,
  ownDefinitions,
  undescribed,
} from './support/definitions.ts';
import { profiles } from './support/profiles.ts';
import { infraFolder, snapshot } from './support/snapshot.ts';

const files = readTemplates(infraFolder);
const withoutAzure = hasAzureTypes
  ? false
  : `Azure's type definitions are not there (${azureTypesFile}): compared with our own alone`;

test('nothing is wrong with the templates, by our own definitions', () => {
  assert.deepEqual(checkTemplates(files, own).map(formatProblem), []);
});

test("nothing is wrong with the templates, by Azure's type definitions", { skip: withoutAzure }, () => {
  assert.deepEqual(checkTemplates(files, azureDefinitions()).map(formatProblem), []);
});

test("our own definitions say nothing that Azure's do not", { skip: withoutAzure }, () => {
  const azure = azureDefinitions();
  const differences: string[] = [];
  for (const [type, properties] of Object.entries(ownDefinitions)) {
    if (undescribed.includes(type)) continue;
    const theirs = azure(type);
    const ours = ownShape(ownDefinitions, type);
    assert.ok(theirs !== undefined && ours !== undefined, type);
    for (const path of Object.keys(properties)) {
      const steps = stepsOf(path);
      const difference = compare(follow(ours, steps), follow(theirs, steps));
      if (difference !== undefined) differences.push(`${type} ${path}: ${difference}`);
    }
  }
  assert.deepEqual(differences, []);
});

interface Found {
  readonly shape: Shape;
  readonly required: boolean;
  readonly readOnly: boolean;
}

function follow(shape: Shape, steps: readonly string[]): Found | undefined {
  let found: Found = { shape, required: false, readOnly: false };
  for (const step of steps) {
    if (found.shape.kind === 'any') return found;
    const below = belowOf(found.shape, step);
    if (below === undefined) return undefined;
    found = below;
  }
  return found;
}

function belowOf(shape: Shape, step: string): Found | undefined {
  const named = memberOf(shape, step);
  if (named !== undefined) return named;
  const others = step === '[]' ? shape.items?.() : shape.others?.();
  return others === undefined ? undefined : { shape: others, required: false, readOnly: false };
}

/** A member, of whatever kind where there are kinds. */
function memberOf(shape: Shape, step: string): Member | undefined {
  const plain = shape.members?.({}).get(step);
  const { kindMember } = shape;
  if (plain !== undefined || kindMember === undefined) return plain;
  const kinds = shape.members?.({}).get(kindMember)?.shape.values ?? [];
  return kinds.map((kind) => shape.members?.({ [kindMember]: kind }).get(step)).find((found) => found !== undefined);
}

function compare(ours: Found | undefined, theirs: Found | undefined): string | undefined {
  if (ours === undefined || theirs === undefined) return 'is not there';
  if (ours.required !== theirs.required) return ours.required ? 'is not required' : 'is required';
  if (ours.readOnly && !theirs.readOnly) return 'is not set by Azure';
  if (ours.shape.kind !== theirs.shape.kind && ours.shape.kind !== 'any' && theirs.shape.kind !== 'any')
    return `is ${theirs.shape.kind}, not ${ours.shape.kind}`;
  const unknown = (ours.shape.values ?? []).filter(
    (value) => theirs.shape.values !== undefined && !theirs.shape.values.includes(value),
  );
  return unknown.length === 0 ? undefined : `${unknown.join(', ')} cannot be chosen`;
}

test('the quick start asks for two things: a name and a region', () => {
  const templates = new TemplateSet(files);
  assert.deepEqual(snapshot(templates, {}).unset, ['AZURE_ENV_NAME', 'AZURE_LOCATION']);
});

test('what each profile deploys, by type', () => {
  const templates = new TemplateSet(files);
  const count = (name: string, type: string): number =>
    snapshot(templates, profiles.get(name) ?? {}).resources.filter((one) => one.type === type && !one.existing).length;
  assert.equal(count('quick', 'Microsoft.Network/virtualNetworks'), 0);
  assert.equal(count('quick', 'Microsoft.ApiManagement/service'), 0);
  assert.equal(count('quick', 'Microsoft.CognitiveServices/accounts'), 1);
  assert.equal(count('isolated', 'Microsoft.Network/virtualNetworks'), 1);
  assert.equal(count('full', 'Microsoft.CognitiveServices/accounts'), 4);
  assert.equal(count('full', 'Microsoft.Cache/redisEnterprise'), 2, 'the cache of API Management is its own');
  assert.equal(count('full', 'Microsoft.ApiManagement/service/subscriptions'), 2);
  assert.equal(count('brought', 'Microsoft.Network/virtualNetworks'), 0);
  assert.equal(count('brought', 'Microsoft.CognitiveServices/accounts'), 0);
  assert.equal(count('brought', 'Microsoft.OperationalInsights/workspaces'), 0);
});
