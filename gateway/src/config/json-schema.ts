import type { ConfigSection } from '#kernel/config-section.ts';
import { z } from 'zod';

/** The JSON Schema of the whole file as people write it: for editors, and for telling which keys are known where. */
export function configJsonSchema(sections: readonly ConfigSection[]): Readonly<Record<string, unknown>> {
  const keys: Record<string, z.core.$ZodType> = {};
  for (const section of sections) {
    for (const [key, type] of Object.entries(section.keys)) {
      if (key in keys) throw new Error(`Two sections of the configuration own '${key}'.`);
      keys[key] = type;
    }
  }
  const schema = z.toJSONSchema(z.strictObject(keys), { io: 'input', reused: 'inline' });
  const { $schema, ...rest } = schema;
  return { $schema, title: 'Tollgate configuration', ...rest };
}
