import type { Json } from '#kernel/json.ts';
import type { TokenUnits } from '#proxy/usage/findings.ts';

import { choicesReplyMembers, chunkStream, readChoicesReply } from './chunk-stream.ts';
import type { UsageReader } from './reader.ts';
import { promptCompletionUnits } from './token-counts.ts';

/** https://platform.openai.com/docs/api-reference/completions/object */
export const completionsReader = {
  name: 'completions',
  reply: { wanted: choicesReplyMembers, read: (reply) => readChoicesReply(reply, textUnits) },
  stream: chunkStream(textUnits),
} as const satisfies UsageReader;

/** The operation takes text or tokens and returns text: sound and pictures are known to be none, not unknown. */
function textUnits(usage: Json | undefined): TokenUnits | undefined {
  const units = promptCompletionUnits(usage);
  return units && { ...units, audioInput: 0, imageInput: 0, audioOutput: 0 };
}
