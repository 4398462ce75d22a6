import type { MeteredOperation } from '#model/operation.ts';

import { chatCompletionsReader } from './chat-completions.ts';
import { completionsReader } from './completions.ts';
import { embeddingsReader } from './embeddings.ts';
import type { UsageReader } from './reader.ts';
import { responsesReader } from './responses.ts';

/** One reader for each metered operation: an operation without a reader does not compile. */
export const usageReaders = {
  'chat.completions': chatCompletionsReader,
  completions: completionsReader,
  embeddings: embeddingsReader,
  responses: responsesReader,
} as const satisfies Record<MeteredOperation, UsageReader>;
