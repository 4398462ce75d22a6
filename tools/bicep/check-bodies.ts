import type { DeployedResource } from './deploy.ts';
import type { Problem } from './problem.ts';
import { canRead, judge, type Allowed, type Shape } from './shape.ts';
import { readsOf } from './static-checks.ts';
import { isDeclaration } from './syntax.ts';
import type { TemplateSet } from './template-set.ts';
import { expressionsOf } from './walk.ts';

/** Finds what a resource type consists of, `Microsoft.X/y@version`; undefined where it is not described. */
export type Definitions = (type: string) => Shape | undefined;

/** Every resource body against the definition of its type. */
export function checkBodies(
  resources: readonly DeployedResource[],
  { definitions, allowed }: { definitions: Definitions; allowed: Allowed },
): Problem[] {
  const problems = new Map<string, Problem>();
  for (const { type, version, body, existing, file, line } of resources) {
    const shape = definitions(`${type}@${version}`);
    const report = (rule: string, message: string): void => {
      const problem = { rule, file, line, message };
      problems.set(JSON.stringify(problem), problem);
    };
    if (shape === undefined) report('resource-type', `there is no definition of ${type}@${version}`);
    else if (!existing)
      for (const { rule, message } of judge(shape, body, { path: type, allowed })) report(rule, message);
  }
  return [...problems.values()];
}

/** Every property of a resource that an expression reads must exist. */
export function checkReads(templates: TemplateSet, definitions: Definitions): Problem[] {
  return templates.files.flatMap((file) => {
    const { statements } = templates.get(file);
    const references = new Map(
      statements
        .filter(isDeclaration)
        .filter(({ kind }) => kind === 'resource')
        .map((one) => [one.name, one]),
    );
    return statements
      .flatMap(expressionsOf)
      .flatMap(readsOf)
      .flatMap(({ name, steps, line }): Problem[] => {
        const resource = references.get(name);
        const shape = resource === undefined ? undefined : definitions(resource.reference);
        const path = resource?.loop !== undefined && steps[0] === '[]' ? steps.slice(1) : steps;
        const [first] = path;
        if (
          shape === undefined ||
          first === undefined ||
          ['id', 'name', 'type', 'apiVersion', 'outputs'].includes(first)
        )
          return [];
        return canRead(shape, path)
          ? []
          : [{ rule: 'property-read', file, line, message: `${resource?.reference ?? ''} has no '${path.join('.')}'` }];
      });
  });
}
