import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Counted, CountRequest } from '#proxy/usage/ports.ts';

import { countText } from './count-text.ts';
import { countTokens } from './count-tokens.ts';

/** A tokenizer that can be followed by eye: one token a word. */
function words(text: string): number {
  return text.split(/\s+/u).filter(Boolean).length;
}

function inputOf(operation: CountRequest['operation'], body: unknown): Pick<Counted, 'input' | 'measuredInput'> {
  const requestBody = Buffer.from(JSON.stringify(body));
  const request: CountRequest = {
    tokenizer: 'o200k_base',
    operation,
    requestBody,
    delivered: undefined,
    stream: false,
  };
  const { input, measuredInput } = countTokens(request, words);
  return { input, measuredInput };
}

interface Delivered {
  readonly operation: CountRequest['operation'];
  readonly stream: boolean;
  readonly requestBody?: unknown;
}

function outputOf(
  { operation, stream, requestBody }: Delivered,
  ...delivered: readonly (Buffer | string)[]
): number | null {
  const request: CountRequest = {
    tokenizer: 'o200k_base',
    operation,
    requestBody: requestBody === undefined ? undefined : Buffer.from(JSON.stringify(requestBody)),
    delivered: delivered.map((part) => Buffer.from(part)),
    stream,
  };
  return countTokens(request, words).output;
}

function events(...data: readonly unknown[]): string {
  return data.map((one) => `data: ${JSON.stringify(one)}\n\n`).join('');
}

const unknown = { input: null, measuredInput: 'unknown' };

const inputs: readonly { name: string; operation: CountRequest['operation']; body: unknown; counted: unknown }[] = [
  {
    name: 'a text to embed is counted exactly',
    operation: 'embeddings',
    body: { input: 'one two three' },
    counted: { input: 3, measuredInput: 'tokenized' },
  },
  {
    name: 'several texts add up',
    operation: 'embeddings',
    body: { input: ['one two', 'three'] },
    counted: { input: 3, measuredInput: 'tokenized' },
  },
  {
    name: 'a list of tokens counts as its length',
    operation: 'embeddings',
    body: { input: [11, 22, 33, 44] },
    counted: { input: 4, measuredInput: 'tokenized' },
  },
  {
    name: 'lists of tokens add up',
    operation: 'completions',
    body: {
      prompt: [
        [1, 2],
        [3, 4, 5],
      ],
    },
    counted: { input: 5, measuredInput: 'tokenized' },
  },
  {
    name: 'a completion with a suffix is an estimate',
    operation: 'completions',
    body: { prompt: 'one two', suffix: 'three' },
    counted: { input: 3, measuredInput: 'estimated' },
  },
  { name: 'a completion without a prompt is unknown', operation: 'completions', body: {}, counted: unknown },
  {
    name: 'each chat message is framed by 3, the reply by 3, a name by 1',
    operation: 'chat.completions',
    body: {
      messages: [
        { role: 'system', content: 'be brief' },
        { role: 'user', name: 'ada', content: [{ type: 'text', text: 'one two three' }] },
      ],
    },
    counted: { input: 3 + 1 + 2 + (3 + 1 + 1 + 1 + 3) + 3, measuredInput: 'estimated' },
  },
  {
    name: 'a chat tool is counted by the documented approximation',
    operation: 'chat.completions',
    body: {
      messages: [],
      tools: [
        {
          type: 'function',
          function: {
            name: 'f',
            description: 'd.',
            parameters: { properties: { p: { type: 'string', description: 'x y', enum: ['a', 'b'] } } },
          },
        },
      ],
    },
    // reply + tool and its label + properties + property and its label + two enumerated values + all tools
    counted: { input: 3 + (7 + 1) + 3 + (3 + 2) + (-3 + 4 + 4) + 12, measuredInput: 'estimated' },
  },
  {
    name: 'a picture in a chat makes its input unknown',
    operation: 'chat.completions',
    body: {
      messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://example.com/a.png' } }] }],
    },
    counted: unknown,
  },
  {
    name: 'a Responses input and its instructions are framed as messages',
    operation: 'responses',
    body: { instructions: 'be brief', input: 'one two' },
    counted: { input: 3 + 1 + 2 + (3 + 1 + 2) + 3, measuredInput: 'estimated' },
  },
  {
    name: 'function calls and their outputs are input too',
    operation: 'responses',
    body: {
      input: [
        { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'one two' }] },
        { type: 'function_call', name: 'f', arguments: '{}' },
        { type: 'function_call_output', output: 'three four' },
      ],
    },
    counted: { input: 3 + 1 + 2 + (3 + 1 + 1) + (3 + 2) + 3, measuredInput: 'estimated' },
  },
  ...['previous_response_id', 'conversation', 'prompt'].map((reference) => ({
    name: `a Responses call with ${reference} is unknown: its input lies elsewhere`,
    operation: 'responses' as const,
    body: { input: 'one', [reference]: 'id' },
    counted: unknown,
  })),
  {
    name: 'a hosted tool makes the input unknown: what it finds is charged as input',
    operation: 'responses',
    body: { input: 'one', tools: [{ type: 'web_search' }] },
    counted: unknown,
  },
  {
    name: 'an item that is no text makes the input unknown',
    operation: 'responses',
    body: { input: [{ type: 'item_reference', id: 'x' }] },
    counted: unknown,
  },
];
for (const { name, operation, body, counted } of inputs) {
  test(name, () => assert.deepEqual(inputOf(operation, body), counted));
}

test('a text with an endless word is an estimate, counted in reasonable pieces', () => {
  const pieces: number[] = [];
  const text = `start ${'x'.repeat(10_000)} end`;
  const counted = countText(text, (piece) => pieces.push(piece.length));
  assert.ok(Math.max(...pieces) < 300);
  assert.equal(
    pieces.reduce((sum, length) => sum + length, 0),
    text.length,
  );
  assert.equal(counted.cuts, pieces.length - 1);
  assert.deepEqual(inputOf('embeddings', { input: text }).measuredInput, 'estimated');
});

test('cutting an endless word never halves a character', () => {
  const pieces: string[] = [];
  countText(`x${'𠀀'.repeat(1000)}`, (piece) => pieces.push(piece));
  assert.ok(pieces.length > 2);
  for (const piece of pieces) assert.ok(piece.isWellFormed());
});

const chatStream: Delivered = { operation: 'chat.completions', stream: true };

function delta(part: object, index = 0): object {
  return { choices: [{ index, delta: part }] };
}

test('counts everything that the model wrote in a chat: content, refusal, reasoning, names and arguments of calls', () => {
  const stream = events(
    delta({ role: 'assistant', content: '' }),
    delta({ content: 'one tw' }),
    delta({ content: 'o three' }),
    delta({ refusal: 'no' }),
    delta({ reasoning_content: 'because why' }),
    delta({ tool_calls: [{ index: 0, id: 'x', function: { name: 'f', arguments: '' } }] }),
    delta({ tool_calls: [{ index: 0, function: { arguments: 'a b' } }] }),
    delta({ tool_calls: [{ index: 1, custom: { name: 'g', input: 'c' } }] }),
    delta({ content: 'other choice' }, 1),
  );
  assert.equal(outputOf(chatStream, stream), 3 + 1 + 2 + (1 + 2) + (1 + 1) + 2);
});

test('an event that was cut off is not counted', () => {
  const whole = events({ choices: [{ index: 0, delta: { content: 'one two' } }] });
  assert.equal(outputOf(chatStream, whole, 'data: {"choices":[{"index":0,"delta":{"content":" three'), 2);
});

test('where nothing was delivered, nothing is the lower bound', () => {
  assert.equal(outputOf(chatStream), 0);
  assert.equal(outputOf({ operation: 'responses', stream: false }), 0);
});

test('counts a whole unstreamed reply, and does not guess at half of one', () => {
  const reply = JSON.stringify({
    choices: [{ index: 0, message: { content: 'one two', tool_calls: [{ function: { name: 'f', arguments: 'a' } }] } }],
  });
  const chat: Delivered = { operation: 'chat.completions', stream: false };
  assert.equal(outputOf(chat, reply), 4);
  assert.equal(outputOf(chat, reply.slice(0, -5)), null);
});

test('counts the text of completions, unless the prompt is echoed into it', () => {
  const completions: Delivered = { operation: 'completions', stream: true };
  const stream = events({ choices: [{ index: 0, text: 'one' }] }, { choices: [{ index: 0, text: ' two' }] });
  assert.equal(outputOf({ ...completions, requestBody: { prompt: 'a' } }, stream), 2);
  assert.equal(outputOf({ ...completions, requestBody: { prompt: 'a', echo: true } }, stream), null);
});

test('counts what a Responses stream wrote, not what its tools answered', () => {
  const stream = events(
    { type: 'response.output_item.added', output_index: 0, item: { type: 'function_call', name: 'f' } },
    { type: 'response.function_call_arguments.delta', output_index: 0, delta: 'a b' },
    { type: 'response.output_text.delta', output_index: 1, content_index: 0, delta: 'one ' },
    { type: 'response.output_text.delta', output_index: 1, content_index: 0, delta: 'two' },
    { type: 'response.output_text.done', output_index: 1, content_index: 0, text: 'one two' },
    { type: 'response.shell_call_output_content.delta', output_index: 2, delta: 'tool output' },
    { type: 'response.refusal.delta', output_index: 3, content_index: 0, delta: 'no' },
  );
  assert.equal(outputOf({ operation: 'responses', stream: true }, stream), 1 + 2 + 2 + 1);
});

test('a summary of reasoning counts only where the reasoning itself is not shown', () => {
  const summary = {
    type: 'response.reasoning_summary_text.delta',
    output_index: 0,
    summary_index: 0,
    delta: 'in short',
  };
  const reasoning = {
    type: 'response.reasoning_text.delta',
    output_index: 0,
    content_index: 0,
    delta: 'at full length',
  };
  const responses: Delivered = { operation: 'responses', stream: true };
  assert.equal(outputOf(responses, events(summary)), 2);
  assert.equal(outputOf(responses, events(summary, reasoning)), 3);
});

test('counts an unstreamed response', () => {
  const reply = {
    output: [
      { type: 'reasoning', summary: [{ type: 'summary_text', text: 'in short' }] },
      { type: 'function_call', name: 'f', arguments: 'a b' },
      {
        type: 'message',
        content: [
          { type: 'output_text', text: 'one' },
          { type: 'refusal', refusal: 'no' },
        ],
      },
    ],
  };
  assert.equal(outputOf({ operation: 'responses', stream: false }, JSON.stringify(reply)), 2 + 3 + 2);
});

test('an embedding has no output', () => {
  assert.equal(outputOf({ operation: 'embeddings', stream: false }, '{"data":[]}'), 0);
});

test('what is not asked for is not counted', () => {
  const request: CountRequest = {
    tokenizer: 'o200k_base',
    operation: 'embeddings',
    requestBody: undefined,
    delivered: undefined,
    stream: false,
  };
  assert.deepEqual(countTokens(request, words), { ...unknown, output: null });
});

const depth = 100_000;
const bottomless: readonly [string, CountRequest['operation'], string][] = [
  ['lists to embed', 'embeddings', `{"input":${'['.repeat(depth)}${']'.repeat(depth)}}`],
  [
    'a tool with a schema',
    'chat.completions',
    `{"messages":[{"role":"user","content":"hi"}],"tools":[{"function":{"name":"f","parameters":${'{"properties":{"a":'.repeat(depth)}{}${'}}'.repeat(depth)}}}]}`,
  ],
];

for (const [what, operation, body] of bottomless) {
  test(`${what}, nested deeper than the stack, is unknown and ends no worker; its output is counted all the same`, () => {
    const request: CountRequest = {
      tokenizer: 'o200k_base',
      operation,
      requestBody: Buffer.from(body),
      delivered: [Buffer.from(events({ choices: [{ index: 0, delta: { content: 'one two' } }] }))],
      stream: true,
    };
    assert.deepEqual(countTokens(request, words), { ...unknown, output: operation === 'embeddings' ? 0 : 2 });
  });
}
