// A root of its own: the worker thread that counts tokens. Loading an encoding costs 0.3 s and 120 MB, so each is loaded
// when first asked for.
import { parentPort } from 'node:worker_threads';

import type { CountAnswer, CountJob } from '#adapters/token-counter/messages.ts';
import { countTokens } from '#proxy/usage/counting/count-tokens.ts';
import type { Tokenizer } from '#proxy/usage/counting/count-text.ts';
import type { CountRequest } from '#proxy/usage/ports.ts';

/** Text that looks like a special token is text: a user may write `<|endoftext|>`, and it is charged as written. */
const asText = { disallowedSpecial: new Set<string>() };

const loaders: Readonly<Record<CountRequest['tokenizer'], () => Promise<Tokenizer>>> = {
  async o200k_base() {
    const { countTokens: count } = await import('gpt-tokenizer/encoding/o200k_base');
    return (text) => count(text, asText);
  },
  async cl100k_base() {
    const { countTokens: count } = await import('gpt-tokenizer/encoding/cl100k_base');
    return (text) => count(text, asText);
  },
};

const loaded = new Map<CountRequest['tokenizer'], Promise<Tokenizer>>();

function tokenizerOf(name: CountRequest['tokenizer']): Promise<Tokenizer> {
  const tokenizer = loaded.get(name) ?? loaders[name]();
  loaded.set(name, tokenizer);
  return tokenizer;
}

async function answer(job: CountJob): Promise<CountAnswer> {
  const tokenizer = await tokenizerOf(job.tokenizer);
  const { operation, stream, requestBody, delivered } = job;
  const request: CountRequest = {
    tokenizer: job.tokenizer,
    operation,
    stream,
    requestBody: requestBody && Buffer.from(requestBody.buffer),
    delivered: delivered && [Buffer.from(delivered.buffer)],
  };
  return { id: job.id, counted: countTokens(request, tokenizer) };
}

// A failure ends the worker by an unhandled rejection: its owner answers the call as unknown and starts another.
async function serve(job: CountJob): Promise<void> {
  const done = await answer(job);
  parentPort?.postMessage(done, []);
}

parentPort?.on('message', (job: CountJob) => void serve(job));
