// docs/reference/tollgate.schema.json: the JSON Schema of the configuration file, for editors.
import { configJsonSchema } from '../../gateway/src/config/json-schema.ts';
import { shippedSections, type Schema } from './sections.ts';

/** A reference to the environment may stand wherever text may; an editor sees the file before they are replaced. */
const orReference = String.raw`|\$\{[A-Za-z_]`;

export function generateConfigSchema(): string {
  const schema: Schema = configJsonSchema(shippedSections());
  return `${JSON.stringify(forEditors(schema), null, 2)}\n`;
}

/** What an editor reads differs from what the loader sees: numbers are numbers there, and references are text. */
function forEditors(schema: Schema): Schema {
  const { minimum, maximum, ...rest } = schema;
  const changed: Record<string, unknown> = {
    ...rest,
    ...(minimum === undefined || Math.abs(minimum) === Number.MAX_SAFE_INTEGER ? {} : { minimum }),
    ...(maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? {} : { maximum }),
  };
  if (schema.pattern !== undefined) changed['pattern'] = `(?:${schema.pattern})${orReference}`;
  if (schema.anyOf !== undefined) {
    changed['anyOf'] = schema.anyOf.map((one) => {
      const inner = forEditors(one);
      return schema.title === 'decimal' && inner.type === 'integer' ? { ...inner, type: 'number' } : inner;
    });
  }
  if (schema.items !== undefined) changed['items'] = forEditors(schema.items);
  if (typeof schema.additionalProperties === 'object') {
    changed['additionalProperties'] = forEditors(schema.additionalProperties);
  }
  if (schema.properties !== undefined) {
    changed['properties'] = Object.fromEntries(
      Object.entries(schema.properties).map(([name, one]) => [name, forEditors(one)]),
    );
  }
  return changed;
}
