// Every registered reader keeps these promises; a new one gets its tests by being registered.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import * as fc from 'fast-check';

import type { JsonObject } from '#kernel/json.ts';
import { Findings } from '#proxy/usage/findings.ts';

import type { UsageReader } from './reader.ts';
import { usageReaders } from './registry.ts';

const readers: readonly UsageReader[] = Object.values(usageReaders);

/** Members that readers look for, with values of any shape. */
const members =
  'usage model service_tier status error choices output incomplete_details type response content_filters tool_usage item prompt_tokens ' +
  'completion_tokens input_tokens output_tokens prompt_tokens_details input_tokens_details cached_tokens finish_reason code web_search';
const anyReply = fc.dictionary(
  fc.constantFrom(...members.split(' ')),
  fc.jsonValue({ maxDepth: 3 }),
) as fc.Arbitrary<JsonObject>;

for (const reader of readers) {
  describe(reader.name, () => {
    test('is registered under its own name', () => {
      assert.equal(Object.entries(usageReaders).find(([, one]) => one === reader)?.[0], reader.name);
    });

    test('never throws, and never tells a count that is not a whole number ≥ 0', () => {
      fc.assert(
        fc.property(anyReply, (reply) => {
          const findings = new Findings();
          findings.add(reader.reply.read(reply));
          findings.add(reader.stream.read({ type: undefined, data: JSON.stringify(reply) }));
          findings.add(reader.stream.read({ type: 'response.completed', data: JSON.stringify({ response: reply }) }));
          const { toolCalls, images, ...tokens } = findings.reading().units;
          for (const count of [tokens, toolCalls, images].flatMap((one) => Object.values(one))) {
            assert.ok(count === null || (Number.isSafeInteger(count) && count >= 0), String(count));
          }
        }),
        { seed: 20_260_317, numRuns: 500 },
      );
    });

    test('finds interesting whatever ends a stream or tells usage', () => {
      const events = [
        { choices: [], usage: { prompt_tokens: 1 } },
        { choices: [{ finish_reason: 'content_filter' }] },
        { error: { code: 'x' } },
        '[DONE]',
        { type: 'response.completed', response: {} },
        { type: 'response.incomplete', response: {} },
        { type: 'response.failed', response: {} },
        { type: 'error', message: 'x' },
        { type: 'response.output_item.done', item: { type: 'file_search_call' } },
      ];
      for (const event of events) {
        for (const space of [0, 1]) {
          const data = typeof event === 'string' ? event : JSON.stringify(event, null, space);
          const finding = reader.stream.read({ type: undefined, data });
          const tells = Object.values(finding).some((value) => value !== undefined);
          if (tells) assert.match(`data: ${data}\n\n`, reader.stream.interesting);
        }
      }
    });

    test('knows its own members among what is kept of a large reply', () => {
      const { wanted } = reader.reply;
      assert.ok(typeof wanted === 'object' && 'usage' in wanted && 'model' in wanted && 'error' in wanted);
    });

    test('says of a refusal that it failed', () => {
      assert.equal(reader.reply.read({ error: { code: 'x', message: 'y' } }).ending, 'failed');
    });
  });
}
