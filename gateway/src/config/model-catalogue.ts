import { parseJson } from '#kernel/json.ts';
import type { ModelCatalogue } from '#model/model-catalogue.ts';
import { z } from 'zod';

const catalogueSchema = z.strictObject({
  comment: z.string(),
  sources: z.record(z.string(), z.string()),
  models: z.array(
    z.strictObject({
      name: z.string(),
      // Empty where no version has been published under its date yet.
      versions: z.array(
        z.strictObject({ version: z.string(), retirement: z.iso.date().nullable(), source: z.string() }),
      ),
      tokenizer: z.enum(['o200k_base', 'cl100k_base']).nullable(),
      contextWindow: z.int().positive().nullable(),
      maxInput: z.int().positive().nullable(),
      maxOutput: z.int().positive().nullable(),
      capabilities: z.array(
        z.enum([
          'chat.completions',
          'completions',
          'embeddings',
          'responses',
          'reasoning',
          'vision',
          'tools',
          'prompt-caching',
          'audio.transcriptions',
          'audio.speech',
          'images.generations',
          'realtime',
          'video',
        ]),
      ),
      meters: z.array(z.string()).min(1).optional(),
      source: z.string(),
    }),
  ),
});

/** Reads the shipped `models.json`; throws where the file is not what it should be, which is a defect of the build. */
export function parseModelCatalogue(text: string): ModelCatalogue {
  const file = catalogueSchema.parse(parseJson(text));
  const catalogue = new Map<string, (typeof file.models)[number]>();
  for (const model of file.models) {
    if (catalogue.has(model.name)) throw new Error(`models.json lists '${model.name}' twice.`);
    for (const source of [model.source, ...model.versions.map((one) => one.source)]) {
      if (file.sources[source] === undefined)
        throw new Error(`models.json cites '${source}', which is no source of it.`);
    }
    catalogue.set(model.name, model);
  }
  return catalogue;
}
