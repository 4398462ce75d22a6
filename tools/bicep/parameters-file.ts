import { EvaluationError, isObject, type ObjectValue, type Value } from './values.ts';

const reference = /\$\{([A-Za-z_]\w*)(?:=([^}]*))?\}/g;

/**
 * What azd makes of `main.parameters.json`: `${NAME}` and `${NAME=default}` are replaced by the environment, then a value
 * that was nothing but one reference becomes a number, boolean, list or object where it reads as one and the
 * parameter is no text. `unset` are the references that have neither value nor default: azd would ask for them.
 */
export function readParametersFile(
  source: string,
  environment: Readonly<Record<string, string>>,
): { readonly values: ObjectValue; readonly unset: readonly string[] } {
  const file: Value = JSON.parse(source);
  const parameters = isObject(file) ? file['parameters'] : undefined;
  if (parameters === undefined || !isObject(parameters))
    throw new EvaluationError("a parameters file has 'parameters'");
  const unset: string[] = [];
  const values: Record<string, Value> = {};
  for (const [name, entry] of Object.entries(parameters)) {
    const value = isObject(entry) ? entry['value'] : undefined;
    if (value === undefined) throw new EvaluationError(`the parameter '${name}' has no 'value'`);
    values[name] = substitute(value, { environment, unset });
  }
  return { values, unset };
}

function substitute(
  value: Value,
  { environment, unset }: { environment: Readonly<Record<string, string>>; unset: string[] },
): Value {
  if (typeof value !== 'string') return value;
  return value.replaceAll(reference, (_, name: string, otherwise: string | undefined) => {
    const found = environment[name];
    if (found !== undefined && found !== '') return found;
    if (otherwise === undefined && found === undefined) unset.push(name);
    return otherwise ?? '';
  });
}

/** Texts of the parameters file, as the types of the template's parameters want them. */
export function typedParameters(values: ObjectValue, types: ReadonlyMap<string, string>): ObjectValue {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      const type = types.get(name)?.replace(/\?$/, '');
      if (typeof value !== 'string' || type === undefined || type === 'string') return [name, value];
      try {
        const parsed: Value = JSON.parse(value);
        return [name, parsed];
      } catch {
        throw new EvaluationError(`'${name}' is ${JSON.stringify(value)}, which is no ${type}`, {
          rule: 'parameter-value',
        });
      }
    }),
  );
}
