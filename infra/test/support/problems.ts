import type { Problem } from '../../../tools/bicep/problem.ts';
import type { DeployedResource } from '../../../tools/bicep/deploy.ts';
import { isList, isObject, type Value } from '../../../tools/bicep/values.ts';
import type { Snapshot } from './snapshot.ts';

/** A problem of a resource that is deployed with some profile. */
export function problemAt(resource: DeployedResource, rule: string, message: string): Problem {
  return { rule, file: resource.file, line: resource.line, message: `${resource.type} ${resource.name}: ${message}` };
}

/** The value at a path of a body; undefined where it ends early. */
export function at(value: Value | undefined, path: string): Value | undefined {
  let place = value;
  for (const step of path.split('.')) {
    if (place === undefined) return undefined;
    if (isList(place)) place = place[Number(step)];
    else if (isObject(place)) place = place[step];
    else return undefined;
  }
  return place;
}

export function listAt(value: Value | undefined, path: string): readonly Value[] {
  const found = at(value, path);
  return found !== undefined && isList(found) ? found : [];
}

/** What is made (not only looked up) of one type. */
export function made(snapshot: Snapshot, type: string): DeployedResource[] {
  return snapshot.resources.filter((one) => one.type.toLowerCase() === type.toLowerCase() && !one.existing);
}

/** Every object inside a value, itself included. */
export function everyObject(value: Value): Value[] {
  if (isList(value)) return value.flatMap(everyObject);
  return isObject(value) ? [value, ...Object.values(value).flatMap(everyObject)] : [];
}
