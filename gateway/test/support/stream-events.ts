// Streams in small: events of both dialects, and a tap for them.
import { createTap } from '#proxy/usage/create-tap.ts';
import type { Tap, TapOptions } from '#proxy/usage/tap.ts';

export function tapFor(operation: TapOptions['operation'], options: Partial<TapOptions> = {}): Tap {
  return createTap({ operation, stream: true, clientWantsUsage: false, keepBytes: 256 * 1024, ...options });
}

export function event(data: unknown): Buffer {
  return Buffer.from(`data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`);
}

export function typed(data: { readonly type: string; readonly [member: string]: unknown }): Buffer {
  return Buffer.from(`event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`);
}

export function content(words: string): Buffer {
  return event({
    model: 'gpt-5-mini',
    choices: [{ index: 0, delta: { content: words }, finish_reason: null }],
    usage: null,
  });
}

export const usage = { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 };
export const usageOnly = event({ model: 'gpt-5-mini', choices: [], usage });
export const finish = event({
  model: 'gpt-5-mini',
  choices: [{ index: 0, delta: {}, finish_reason: 'stop' }],
  usage: null,
});
export const done = event('[DONE]');

export const created = typed({
  type: 'response.created',
  response: { model: 'gpt-5-mini', status: 'in_progress', usage: null },
});
export const completed = typed({
  type: 'response.completed',
  response: { model: 'gpt-5-mini', status: 'completed', usage: { input_tokens: 5, output_tokens: 2 } },
});

export function text(buffer: Buffer | undefined): string | undefined {
  return buffer?.toString('utf8');
}
