import type { RequestTemplate } from './plan.ts';
import { chatModel } from './requests.ts';

export const embeddingModel = 'text-embedding-3-small';
/** Its streams, and no others, are broken off: the twin's record of it can be told from the rest. */
export const brokenOffModel = 'gpt-5-mini';

const chat = [{ role: 'user', content: 'Name three cities on the Rhine.' }];
const withTokens = (count: number): object[] => [{ role: 'user', content: `Tell me of rivers. twin:tokens=${count}` }];
/** Beyond 1,024 tokens a repeated prompt is read from the prompt cache. */
const longPrompt = [{ role: 'system', content: 'The rules of the house are as follows. '.repeat(220) }, ...chat];
const tools = [
  {
    type: 'function',
    function: {
      name: 'look_up_invoice',
      description: 'Finds an invoice by its number.',
      parameters: { type: 'object', properties: { number: { type: 'string' } }, required: ['number'] },
    },
  },
];

interface Kind {
  readonly name: string;
  readonly path: string;
  readonly body: object;
  readonly terminal?: string;
}

const v1 = '/openai/v1';
const classic = `/openai/deployments/${chatModel}`;
const version = '?api-version=2024-10-21';

/** Every way in which tokens are reported: by surface, operation, streamed or not, usage asked for or not. */
const kinds: readonly Kind[] = [
  { name: 'chat', path: `${v1}/chat/completions`, body: { model: chatModel, messages: chat } },
  { name: 'chat, classic surface', path: `${classic}/chat/completions${version}`, body: { messages: chat } },
  { name: 'chat, cached prompt', path: `${v1}/chat/completions`, body: { model: chatModel, messages: longPrompt } },
  {
    name: 'chat, reasoning',
    path: '/v1/chat/completions',
    body: { model: chatModel, messages: chat, reasoning_effort: 'high' },
  },
  {
    name: 'chat, two choices and a tool',
    path: `${v1}/chat/completions`,
    body: { model: chatModel, messages: [{ role: 'user', content: 'Which invoice? twin:tool' }], tools, n: 2 },
  },
  {
    name: 'chat stream',
    path: `${v1}/chat/completions`,
    body: { model: chatModel, messages: withTokens(40), stream: true },
    terminal: '[DONE]',
  },
  {
    name: 'chat stream, usage asked for',
    path: `${classic}/chat/completions${version}`,
    body: { messages: longPrompt, stream: true, stream_options: { include_usage: true } },
    terminal: '[DONE]',
  },
  { name: 'embeddings', path: `${v1}/embeddings`, body: { model: embeddingModel, input: ['one text', 'and another'] } },
  {
    name: 'embeddings, classic surface',
    path: `/openai/deployments/${embeddingModel}/embeddings${version}`,
    body: { input: 'a single text, a little longer than the others' },
  },
  { name: 'responses', path: `${v1}/responses`, body: { model: chatModel, input: 'Name a river.' } },
  {
    name: 'responses stream',
    path: `${v1}/responses`,
    body: { model: chatModel, input: 'Name a river. twin:tokens=30', stream: true },
    terminal: 'response.completed',
  },
];

export const wholeReplies: readonly RequestTemplate[] = kinds.map((kind) => ({
  name: kind.name,
  path: kind.path,
  body: JSON.stringify(kind.body),
  terminal: kind.terminal ?? null,
  breakOffAfterEvents: null,
}));

/** Long streams that the client leaves after their third event. */
export const brokenOffStream: RequestTemplate = {
  name: 'chat stream, broken off',
  path: `${v1}/chat/completions`,
  body: JSON.stringify({
    model: brokenOffModel,
    messages: withTokens(2_000),
    stream: true,
    reasoning_effort: 'minimal',
  }),
  terminal: '[DONE]',
  breakOffAfterEvents: 3,
};
