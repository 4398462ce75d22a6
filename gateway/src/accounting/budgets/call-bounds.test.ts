import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base';
import type { ModelRoute } from '#model/model-route.ts';
import type { MeteredOperation } from '#model/operation.ts';
import { callerOf, exchangeOf, subscriptionWith } from '../../../test/support/exchanges.ts';
import { endpointNamed, routeOver } from '../../../test/support/model-objects.ts';
import { boundsOf, type CallBounds, type Unbounded } from './call-bounds.ts';

const maxInput = 272_000;
const maxOutput = 128_000;

interface Call {
  readonly operation?: MeteredOperation;
  readonly route?: Partial<ModelRoute>;
  /** What policies have set on the way. */
  readonly edits?: Readonly<Record<string, string>>;
}

function judged(body: object, { operation = 'chat.completions', route = {}, edits = {} }: Call = {}) {
  return boundsOf({
    exchange: exchangeOf(body, { operation }),
    caller: callerOf(subscriptionWith()),
    route: routeOver([[[endpointNamed('weu'), 1]]], { maxInput, maxOutput, ...route }),
    edits: new Map(Object.entries(edits)),
    binding: null,
  });
}

function bounds(body: object, call: Call = {}): CallBounds {
  const found = judged(body, call);
  assert.ok(!('message' in found), 'message' in found ? found.message : '');
  return found;
}

function unbounded(body: object, call: Call = {}): Unbounded {
  const found = judged(body, call);
  assert.ok('message' in found, 'it is bounded');
  return found;
}

const messages = [{ role: 'user', content: 'Hello' }];
const chat = (more: object = {}): object => ({ messages, ...more });
const picture = (url: string) => ({ role: 'user', content: [{ type: 'image_url', image_url: { url } }] });
const withTools = (tools: readonly object[], more: object = {}): object => ({
  input: 'a',
  max_output_tokens: 5,
  tools,
  ...more,
});
const responses = { operation: 'responses' } as const;
const completions = { operation: 'completions' } as const;

describe('the output of a call is bounded by', () => {
  const cases: readonly (readonly [what: string, body: object, call: Call, output: number])[] = [
    ['the cap that it names', chat({ max_completion_tokens: 100 }), {}, 100],
    ['the older name of the cap', chat({ max_tokens: 100 }), {}, 100],
    ['the greater of two caps', chat({ max_completion_tokens: 100, max_tokens: 300 }), {}, 300],
    [
      'what a policy has set in its place',
      chat({ max_completion_tokens: 500 }),
      { edits: { max_completion_tokens: '50' } },
      50,
    ],
    ["the model's own limit, where it names none", chat(), {}, maxOutput],
    ["the model's own limit, where it names null", chat({ max_tokens: null }), {}, maxOutput],
    ['the cap of each of its choices', chat({ max_tokens: 100, n: 3 }), {}, 300],
    ['what it predicts, which is charged where it is not used', chat({ max_tokens: 100, prediction: 'four' }), {}, 106],
    ['the default of completions', { prompt: 'a' }, completions, 16],
    ['the greater of n and best_of', { prompt: 'a', max_tokens: 10, n: 2, best_of: 5 }, completions, 50],
    ['the cap of each of its prompts', { prompt: ['a', 'b'], max_tokens: 10, n: 2 }, completions, 40],
    ['the cap of one prompt that is given in tokens', { prompt: [1, 2, 3], max_tokens: 10 }, completions, 10],
    ['the cap of a response', { input: 'a', max_output_tokens: 70 }, responses, 70],
    [
      'the cap of each round that a hosted tool may cause',
      { input: 'a', max_output_tokens: 70, max_tool_calls: 2, tools: [{ type: 'web_search' }] },
      responses,
      210,
    ],
    ['nothing, of embeddings', { input: 'a' }, { operation: 'embeddings' }, 0],
  ];
  for (const [what, body, call, output] of cases)
    test(what, () => {
      assert.equal(bounds(body, call).output, output);
    });

  test('nothing where a model has no published limit and the call no cap, which is told by its name', () => {
    const route = { maxOutput: null };
    assert.equal(unbounded(chat(), { route }).param, 'max_completion_tokens');
    assert.equal(unbounded({ input: 'a' }, { ...responses, route }).param, 'max_output_tokens');
    assert.equal(bounds(chat({ max_tokens: 9 }), { route }).output, 9);
  });
});

describe('the input of a call is bounded by', () => {
  test('its bytes and what may stand around them, whatever the texts and the tools', () => {
    const text = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 200 }),
      fc.string({ unit: 'binary', maxLength: 50 }),
    );
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 8 }), fc.array(text, { maxLength: 3 }), (texts, names) => {
        const tools = names.map((name) => ({ type: 'function', function: { name, description: name } }));
        const body = {
          messages: texts.map((content) => ({ role: 'user', content })),
          ...(tools.length > 0 ? { tools } : {}),
        };
        // The published framing: 3 tokens a message and 3 to begin the reply, some 10 a tool.
        const counted = texts.reduce((sum, one) => sum + countTokens(one) + 4, 3);
        const ofTools = tools.reduce((sum, one) => sum + countTokens(JSON.stringify(one)) + 10, 0);
        const { input, inputWith } = bounds(body);
        assert.ok(input >= counted + ofTools, `${input} < ${counted + ofTools}`);
        const exact = inputWith(counted);
        assert.ok(exact >= counted + ofTools && exact <= input, `${exact}: ${counted + ofTools} to ${input}`);
      }),
      { numRuns: 200 },
    );
  });

  test("the model's limit, where the bytes are more", () => {
    const { input, inputWith } = bounds(chat({ metadata: 'x'.repeat(2 * maxInput) }));
    assert.deepEqual([input, inputWith(5_000_000)], [maxInput, maxInput]);
  });

  test('the most that a picture may take, not by the bytes of the picture', () => {
    const [small, large] = ['x', 'x'.repeat(100_000)].map((data) => bounds({ messages: [picture(`data:${data}`)] }));
    assert.ok(small !== undefined && large !== undefined);
    assert.equal(large.input, small.input);
    assert.ok(small.input > 50_000 && small.images);
    const two = bounds({ messages: [picture('data:x'), picture('data:x')] });
    assert.ok(two.input > 100_000);
    const screen = [{ type: 'computer_call_output', output: { type: 'computer_screenshot', image_url: 'data:x' } }];
    assert.ok(bounds({ input: screen }, responses).images);
  });

  const outside: readonly (readonly [what: string, body: object, call: Call])[] = [
    ['a response before it', { input: 'a', previous_response_id: 'resp_1' }, responses],
    ['a conversation', { input: 'a', conversation: 'conv_1' }, responses],
    ['a stored prompt', { prompt: { id: 'pmpt_1' } }, responses],
    ['an item', { input: [{ type: 'item_reference', id: 'msg_1' }] }, responses],
    ['a file', { input: [{ role: 'user', content: [{ type: 'input_file', file_id: 'f' }] }] }, responses],
    ['a file in a chat', { messages: [{ role: 'user', content: [{ type: 'file', file: { file_data: 'x' } }] }] }, {}],
    ['a picture in a file', { input: [{ content: [{ type: 'input_image', file_id: 'f' }] }] }, responses],
    [
      'what a tool found in a file',
      { input: [{ type: 'function_call_output', output: [{ type: 'input_file' }] }] },
      responses,
    ],
    ['data sources', chat({ data_sources: [{}] }), {}],
    ['data sources by their older name', chat({ dataSources: [{}] }), {}],
  ];
  for (const [what, body, call] of outside)
    test(`the model's limit, where it refers to ${what}; by nothing where the model has none`, () => {
      const { input, inputWith } = bounds(body, call);
      assert.equal(input, maxInput);
      assert.equal(inputWith(10), maxInput, 'what was counted of its own texts changes nothing');
      const { param } = unbounded(body, { ...call, route: { maxInput: null } });
      assert.equal(param, 'model');
    });

  test("the model's limit for each round that a hosted tool may cause", () => {
    const body = { input: 'a', max_output_tokens: 5, max_tool_calls: 3, tools: [{ type: 'file_search' }] };
    assert.equal(bounds(body, responses).input, 4 * maxInput);
    const searching = bounds(chat({ max_tokens: 5, web_search_options: {} }));
    assert.deepEqual([searching.input, searching.toolCalls], [2 * maxInput, { web_search: 1 }]);
  });
});

describe('tools that the provider runs', () => {
  test('are charged by the call, by the names that usage has, and by what may be charged alone', () => {
    const tools = ['web_search_preview', 'web_search_2025_08_26', 'code_interpreter', 'mcp', 'function'].map(
      (type) => ({ type }),
    );
    assert.deepEqual(bounds(withTools(tools, { max_tool_calls: 4 }), responses).toolCalls, {
      web_search: 4,
      code_interpreter: 4,
    });
    assert.deepEqual(bounds(withTools([{ type: 'function' }, { type: 'custom' }]), responses).toolCalls, {});
  });

  test('have to be bounded by the call', () => {
    for (const most of [undefined, null, -1, 1.5, '3'])
      assert.equal(
        unbounded(withTools([{ type: 'web_search' }], { max_tool_calls: most }), responses).param,
        'max_tool_calls',
      );
    assert.equal(unbounded(withTools([{ type: 'a_tool_of_next_year' }]), responses).param, 'max_tool_calls');
    assert.equal(unbounded(withTools([{ type: 'image_generation' }], { max_tool_calls: 1 }), responses).param, 'tools');
  });
});

test('sound is told by what goes in or is asked for', () => {
  const spoken = { messages: [{ role: 'user', content: [{ type: 'input_audio', input_audio: { data: 'x' } }] }] };
  for (const body of [spoken, chat({ audio: { voice: 'alloy' } }), chat({ modalities: ['text', 'audio'] })])
    assert.equal(bounds(body).audio, true);
  assert.equal(bounds(chat({ audio: null, modalities: ['text'] })).audio, false);
});
