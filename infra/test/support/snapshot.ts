import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expand, type Expanded } from '../../../tools/bicep/deploy.ts';
import { readParametersFile, typedParameters } from '../../../tools/bicep/parameters-file.ts';
import type { TemplateSet } from '../../../tools/bicep/template-set.ts';
import { EvaluationError, type ObjectValue } from '../../../tools/bicep/values.ts';

export const infraFolder = path.resolve(import.meta.dirname, '../..');
export const repositoryRoot = path.resolve(infraFolder, '..');

export const readInfra = (file: string): string => readFileSync(path.join(infraFolder, file), 'utf8');

export interface Snapshot extends Expanded {
  readonly outputs: ObjectValue;
  /** References of the parameters file that have neither value nor default: azd would ask for them. */
  readonly unset: readonly string[];
}

const scope = {
  tenantId: '99999999-9999-4999-8999-999999999999',
  subscriptionId: '00000000-0000-4000-8000-000000000000',
  resourceGroup: undefined,
};

/** What `azd provision` would ask Resource Manager for with this environment. */
export function snapshot(templates: TemplateSet, environment: Readonly<Record<string, string>>): Snapshot {
  const { values, unset } = readParametersFile(templates.readFile('main.parameters.json'), environment);
  const types = new Map(
    templates.get('main.bicep').statements.flatMap((one) => (one.kind === 'param' ? [[one.name, one.type]] : [])),
  );
  const location = environment['AZURE_LOCATION'] ?? 'swedencentral';
  const call = { file: 'main.bicep', scope: { ...scope, location }, deploymentName: 'main' };
  try {
    return { ...expand(templates, { ...call, arguments: typedParameters(values, types) }), unset };
  } catch (thrown) {
    if (!(thrown instanceof EvaluationError)) throw thrown;
    const problem = { rule: thrown.rule, file: 'main.parameters.json', line: 1, message: thrown.message };
    return { resources: [], problems: [problem], reached: new Set(), deployments: [], outputs: {}, unset };
  }
}
