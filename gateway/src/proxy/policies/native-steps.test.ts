import assert from 'node:assert/strict';
import test from 'node:test';
import { Failure } from '#kernel/errors.ts';
import type { Binding } from '#model/affinity.ts';
import type { Product } from '#model/caller.ts';
import type { Exchange } from '#model/exchange.ts';
import {
  callerOf,
  exchangeOf,
  freePrices,
  productWith,
  snapshotOf,
  subscriptionWith,
} from '../../../test/support/exchanges.ts';
import { endpointNamed, routeOver } from '../../../test/support/model-objects.ts';
import { callCaps } from './call-caps/call-caps.ts';
import { findRoute, usableModels } from './find-route.ts';
import type { PolicyContext, PolicyStep } from './policy.ts';
import { requestChecks } from './request-checks/request-checks.ts';
import { unpriced } from './unpriced/unpriced.ts';

const weu = endpointNamed('weu');
const one = routeOver([[[weu, 1]]]);
const two = routeOver([
  [
    [weu, 1],
    [endpointNamed('swc'), 1],
  ],
]);
const twins = routeOver([[[weu, 1]], [[endpointNamed('more', { resource: weu.resource }), 1]]]);
const classic = routeOver([[[endpointNamed('old', { surface: { kind: 'classic', apiVersion: '2024-10-21' } }), 1]]]);

function contextFor(
  exchange: Exchange,
  options: { readonly route?: typeof one; readonly product?: Partial<Product>; readonly binding?: Binding } = {},
): PolicyContext {
  return {
    exchange,
    caller: callerOf(subscriptionWith({ product: productWith(options.product) })),
    route: options.route ?? one,
    binding: options.binding ?? null,
    edits: new Map(),
    reply: undefined,
    failure: undefined,
    forward: () => Promise.reject(new Error('not here')),
  };
}

function refusal(step: PolicyStep, context: PolicyContext): string | undefined {
  try {
    void step.run(context);
    return undefined;
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    return `${thrown.code} ${thrown.options.param ?? ''}`.trim();
  }
}

const messages = [{ role: 'user', content: 'hi' }];
const responses = { operation: 'responses' } as const;

// [what, body, changes, route, refusal]
const checks = [
  ['an ordinary chat', { messages }, {}, two, undefined],
  ['no messages', {}, {}, two, 'invalid_request_body messages'],
  ['an empty list of messages', { messages: [] }, {}, two, 'invalid_request_body messages'],
  ['no prompt', {}, { operation: 'completions' }, two, 'invalid_request_body prompt'],
  ['no input', {}, { operation: 'embeddings' }, two, 'invalid_request_body input'],
  ['background', { input: 'x', background: true }, responses, one, 'unsupported_parameter background'],
  ['background as text', { input: 'x', background: 'yes' }, responses, one, 'invalid_request_body background'],
  ['background false', { input: 'x', background: false }, responses, one, undefined],
  ['data_sources on v1', { messages, data_sources: [] }, {}, one, 'unsupported_parameter data_sources'],
  ['data_sources on classic', { messages, data_sources: [] }, {}, classic, undefined],
  ['a stored prompt, one resource', { prompt: { id: 'pmpt_1' } }, responses, one, undefined],
  ['a stored prompt, two deployments of one resource', { prompt: { id: 'p' } }, responses, twins, undefined],
  ['stored prompt', { prompt: { id: 'pmpt_1' } }, responses, two, 'affinity_not_supported prompt'],
  ['a text prompt of completions', { prompt: 'x' }, { operation: 'completions' }, two, undefined],
  [
    'a file in the input',
    { input: [{ role: 'user', content: [{ type: 'input_file', file_id: 'file-1' }] }] },
    responses,
    two,
    'affinity_not_supported input',
  ],
  [
    'a file that a tool gave back',
    { input: [{ type: 'function_call_output', call_id: 'c', output: [{ type: 'input_file', file_id: 'file-1' }] }] },
    responses,
    two,
    'affinity_not_supported input',
  ],
  [
    'a picture of a computer',
    { input: [{ type: 'computer_call_output', output: { type: 'computer_screenshot', file_id: 'file-1' } }] },
    responses,
    two,
    'affinity_not_supported input',
  ],
  [
    'an item reference',
    { input: [{ type: 'item_reference', id: 'rs_1' }] },
    responses,
    two,
    'affinity_not_supported input',
  ],
  [
    'a file in a message',
    { messages: [{ role: 'user', content: [{ type: 'file', file: { file_id: 'file-1' } }] }] },
    {},
    two,
    'affinity_not_supported messages',
  ],
  [
    'file data in a message',
    { messages: [{ role: 'user', content: [{ type: 'file', file: { file_data: 'x' } }] }] },
    {},
    two,
    undefined,
  ],
  [
    'a vector store',
    { input: 'x', tools: [{ type: 'file_search', vector_store_ids: ['vs_1'] }] },
    responses,
    two,
    'affinity_not_supported tools',
  ],
  [
    'a container',
    { input: 'x', tools: [{ type: 'code_interpreter', container: 'cntr_1' }] },
    responses,
    two,
    'affinity_not_supported tools',
  ],
  [
    'an automatic container',
    { input: 'x', tools: [{ type: 'code_interpreter', container: { type: 'auto' } }] },
    responses,
    two,
    undefined,
  ],
] as const;

for (const [what, body, changes, route, expected] of checks) {
  test(`request-checks: ${what} is ${expected === undefined ? 'let through' : `refused as ${expected}`}`, () => {
    assert.equal(refusal(requestChecks, contextFor(exchangeOf(body, changes), { route })), expected);
  });
}

const usual = snapshotOf();
const strict = { ...usual, affinity: { ...usual.affinity, unsigned: 'refuse' } } as const;
const here: Binding = {
  resource: weu.resource,
  param: 'previous_response_id',
  edits: new Map(),
  cuts: [],
  known: new Map(),
};
// [what, body, changes, refusal where what is not signed is to be refused]
const unsigned = [
  ['an item reference', { input: [{ type: 'item_reference', id: 'rs_1' }] }, responses, 'input'],
  [
    'a file in the input',
    { input: [{ role: 'user', content: [{ type: 'input_file', file_id: 'a' }] }] },
    responses,
    'input',
  ],
  ['a file that a tool gave back', { input: [{ output: [{ type: 'input_file', file_id: 'a' }] }] }, responses, 'input'],
  ['a file deep inside', { input: [{ a: [{ b: { file_id: 'a' } }] }] }, responses, 'input'],
  [
    'a file in a message',
    { messages: [{ role: 'user', content: [{ type: 'file', file: { file_id: 'a' } }] }] },
    {},
    'messages',
  ],
  ['a vector store', { input: 'x', tools: [{ type: 'file_search', vector_store_ids: ['vs_1'] }] }, responses, 'tools'],
  ['a container', { input: 'x', tools: [{ type: 'code_interpreter', container: 'cntr_1' }] }, responses, 'tools'],
  [
    'a new container',
    { input: 'x', tools: [{ type: 'code_interpreter', container: { type: 'auto' } }] },
    responses,
    undefined,
  ],
  ['a stored prompt, which is nobody’s own', { prompt: { id: 'pmpt_1' } }, responses, undefined],
  [
    'a function that takes files',
    { messages, tools: [{ function: { parameters: { properties: { file_id: {} } } } }] },
    {},
    undefined,
  ],
  ['text about files', { input: 'file_id' }, responses, undefined],
] as const;

for (const [what, body, changes, param] of unsigned) {
  test(`request-checks: where what is not signed is refused, ${what} is ${param === undefined ? 'let through' : 'refused'}`, () => {
    const expected = param === undefined ? undefined : `affinity_not_supported ${param}`;
    for (const binding of [undefined, here]) {
      const options = { route: one, ...(binding === undefined ? {} : { binding }) };
      const exchange = exchangeOf(body, { ...changes, snapshot: strict });
      assert.equal(refusal(requestChecks, contextFor(exchange, options)), expected);
      assert.equal(refusal(requestChecks, contextFor(exchangeOf(body, changes), options)), undefined);
    }
  });
}

const caps = { maxOutputTokens: 100, maxChoices: 2, maxRequestBytes: 200 };
// [what, body, changes, refusal, edits]
const capped = [
  ['within', { max_tokens: 50, n: 2 }, {}, undefined, []],
  ['the cap is for all choices together', { max_tokens: 51, n: 2 }, {}, 'cap_exceeded max_tokens', []],
  ['a silent call shares the cap among its choices', { n: 2 }, {}, undefined, [['max_completion_tokens', '50']]],
  [
    'prompts multiply',
    { prompt: ['a', 'b'], max_tokens: 51 },
    { operation: 'completions' },
    'cap_exceeded max_tokens',
    [],
  ],
  ['too many prompts', { prompt: ['a', 'b', 'c'] }, { operation: 'completions' }, 'cap_exceeded prompt', []],
  ['a prompt in tokens is one', { prompt: [1, 2, 3], max_tokens: 100 }, { operation: 'completions' }, undefined, []],
  ['a silent chat is sent with the cap', {}, {}, undefined, [['max_completion_tokens', '100']]],
  ['a silent response is sent with the cap', {}, responses, undefined, [['max_output_tokens', '100']]],
  ['a silent completion is short by itself', { prompt: 'a' }, { operation: 'completions' }, undefined, []],
  ['embeddings have no output', {}, { operation: 'embeddings' }, undefined, []],
  ['null is silent', { max_completion_tokens: null }, {}, undefined, [['max_completion_tokens', '100']]],
  ['too many tokens', { max_completion_tokens: 101 }, {}, 'cap_exceeded max_completion_tokens', []],
  ['the old name counts too', { max_tokens: 5000 }, {}, 'cap_exceeded max_tokens', []],
  ['the larger of two names counts', { max_completion_tokens: 5, max_tokens: 101 }, {}, 'cap_exceeded max_tokens', []],
  ['text is no number', { max_tokens: '5' }, {}, 'invalid_request_body max_tokens', []],
  ['a fraction is no number of tokens', { max_tokens: 1.5 }, {}, 'invalid_request_body max_tokens', []],
  ['minus one', { max_tokens: -1 }, {}, 'invalid_request_body max_tokens', []],
  ['too many choices', { n: 3 }, {}, 'cap_exceeded n', []],
  ['best_of is choices', { best_of: 3 }, { operation: 'completions' }, 'cap_exceeded best_of', []],
  ['too large', { filler: 'x'.repeat(300) }, {}, 'request_too_large', []],
] as const;

for (const [what, body, changes, expected, edits] of capped) {
  test(`call-caps: ${what}`, () => {
    const context = contextFor(exchangeOf(body, changes), { product: { caps } });
    assert.equal(refusal(callCaps, context), expected);
    if (expected === undefined) assert.deepEqual([...context.edits], edits);
  });
}

test('call-caps: without caps nothing is set and nothing refused', () => {
  const context = contextFor(exchangeOf({ n: 50 }));
  assert.equal(refusal(callCaps, context), undefined);
  assert.equal(context.edits.size, 0);
});

test('unpriced: a deployment without a price is refused unless the product allows and flags it', () => {
  const prices = { ...freePrices, missing: () => ['input'] };
  const exchange = exchangeOf({ messages }, { snapshot: snapshotOf({ prices }) });
  assert.equal(refusal(unpriced, contextFor(exchange)), 'model_unpriced model');
  assert.equal(refusal(unpriced, contextFor(exchange, { product: { unpriced: 'allow-and-flag' } })), undefined);
  assert.equal(refusal(unpriced, contextFor(exchangeOf({ messages }))), undefined);
});

test('only what the product names and the configuration serves can be called or is listed', () => {
  const snapshot = snapshotOf({ routes: [one, { ...two, name: 'secret-model' }] });
  const product = productWith({ models: new Set(['gpt-5.4-mini', 'not-served']) });
  const code = (name: string, surface: 'v1' | 'classic'): string => {
    try {
      return findRoute(snapshot, { name, product, surface }).name;
    } catch (thrown) {
      return thrown instanceof Failure ? thrown.code : String(thrown);
    }
  };
  assert.deepEqual(
    usableModels(snapshot, product).map((route) => route.name),
    ['gpt-5.4-mini'],
  );
  assert.equal(code('gpt-5.4-mini', 'v1'), 'gpt-5.4-mini');
  assert.equal(code('secret-model', 'v1'), 'model_not_allowed');
  assert.equal(code('not-served', 'v1'), 'model_not_found');
  assert.equal(code('not-served', 'classic'), 'DeploymentNotFound');
});

const small = { ...one, name: 'small', maxOutput: 4096 };
const unpublished = { ...one, name: 'unpublished', maxOutput: null };

for (const [what, body, options, edits] of [
  ['is sent with the maximum of its model', { messages }, {}, { max_completion_tokens: '128000' }],
  ['of the Responses API, too', { input: 'x' }, { operation: 'responses' }, { max_output_tokens: '128000' }],
  ['keeps the cap that it names', { messages, max_tokens: 5 }, {}, {}],
  ['of completions stays as short as they are', { prompt: 'x' }, { operation: 'completions' }, {}],
  ['stays as it is where the model has no published maximum', { messages }, { route: unpublished }, {}],
  [
    'that may fall back is sent with the least of the maximums',
    { messages },
    { fallback: ['small'] },
    { max_completion_tokens: '4096' },
  ],
  ['that may fall back to a model without one stays as it is', { messages }, { fallback: ['unpublished'] }, {}],
] as const) {
  test(`where the configuration wants it, a call without an output cap ${what}`, () => {
    const {
      route = one,
      fallback = [],
      operation = 'chat.completions',
    } = {
      route: undefined,
      fallback: undefined,
      operation: undefined,
      ...options,
    };
    const snapshot = snapshotOf({ routes: [one, small, unpublished], sendModelMaximum: true });
    const context = contextFor(exchangeOf(body, { operation, snapshot }), {
      route,
      product: { routing: { ...productWith().routing, fallback: new Map([[route.name, fallback]]) } },
    });
    callCaps.run(context);
    assert.deepEqual(Object.fromEntries(context.edits), edits);
    const off = contextFor(exchangeOf(body, { operation }), { route });
    callCaps.run(off);
    assert.equal(off.edits.size, 0, 'not by default');
  });
}
