import { choicesReplyMembers, chunkStream, readChoicesReply } from './chunk-stream.ts';
import type { UsageReader } from './reader.ts';
import { promptCompletionUnits } from './token-counts.ts';

/** https://platform.openai.com/docs/api-reference/chat/object, https://platform.openai.com/docs/api-reference/chat-streaming */
export const chatCompletionsReader = {
  name: 'chat.completions',
  reply: { wanted: choicesReplyMembers, read: (reply) => readChoicesReply(reply, promptCompletionUnits) },
  stream: chunkStream(promptCompletionUnits),
} as const satisfies UsageReader;
