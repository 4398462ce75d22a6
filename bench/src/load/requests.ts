import type { RequestTemplate } from './plan.ts';

/** The model that every route of the benchmark's configuration names, and its deployment. */
export const chatModel = 'gpt-5.4-mini';

const system =
  'You write short answers for the finance department. Give figures with their unit and the day they were taken from. ';
/** Fills a request up to about 1,000 bytes, as a small chat request has. */
const question =
  'The monthly bill for the central language model deployment rose from 1,204.18 to 1,377.02 between the two periods. ' +
  'List the three most likely reasons in order, say for each which report would show it, and keep every reason to one ' +
  'sentence. The teams involved are marketing and finance, the regions are West Europe and Sweden Central, and nobody ' +
  'has changed a budget. Mention tokens read from the prompt cache only if they would explain a difference this large. ' +
  'The answer goes into a table with two columns, so write no headings, no lists and no closing remarks of any kind. ' +
  'Round every amount to two decimals, name the currency once, in the first line, and where a figure is only known as a ' +
  'lower bound, mark it with a plus sign.';

/** The unstreamed request whose cost is measured: a POST of about 1,000 bytes. */
export const unstreamedChat: RequestTemplate = {
  name: 'chat',
  path: '/openai/v1/chat/completions',
  body: JSON.stringify({ model: chatModel, messages: messages(question), max_completion_tokens: 200 }),
  terminal: null,
  breakOffAfterEvents: null,
};

/** The streamed one. It asks for no usage, as most clients don't: the gateway asks on their behalf and takes it out again. */
export const pacedStream: RequestTemplate = {
  name: 'chat stream',
  path: '/openai/v1/chat/completions',
  body: JSON.stringify({
    model: chatModel,
    messages: messages(`{{stream}} ${question}`),
    max_completion_tokens: 200,
    stream: true,
  }),
  terminal: '[DONE]',
  breakOffAfterEvents: null,
};

function messages(text: string): object[] {
  return [
    { role: 'system', content: system },
    { role: 'user', content: text },
  ];
}
