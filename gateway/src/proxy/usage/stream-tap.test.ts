import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import {
  completed,
  content,
  created,
  done,
  event,
  finish,
  tapFor,
  text,
  typed,
  usage,
  usageOnly,
} from '../../../test/support/stream-events.ts';

describe('what goes on', () => {
  test('a chunk of whole events without interest is the very same buffer', () => {
    const tap = tapFor('chat.completions');
    tap.push(content('a'));
    for (const chunk of [content('b'), Buffer.concat([content('c'), content('"usage": {} [DONE')])]) {
      assert.equal(tap.push(chunk), chunk);
    }
  });

  test('part of a chunk is a view of it, not a copy', () => {
    const tap = tapFor('chat.completions');
    const chunk = Buffer.concat([content('a'), finish, usageOnly, done]);
    const sent = tap.push(chunk);
    assert.equal(sent?.buffer, chunk.buffer);
    assert.equal(text(sent), text(Buffer.concat([content('a'), finish])));
  });

  test('an event that is cut waits for its blank line, and goes on whole', () => {
    const tap = tapFor('chat.completions');
    const whole = content('Grüße');
    const cut = whole.indexOf('ü') + 1;
    assert.equal(tap.push(whole.subarray(0, cut)), undefined);
    assert.equal(tap.push(whole.subarray(cut, -1)), undefined);
    assert.equal(text(tap.push(whole.subarray(-1))), text(whole));
  });

  test('what is whole of a chunk goes on at once, the rest waits', () => {
    const tap = tapFor('chat.completions');
    const second = content('b');
    const sent = tap.push(Buffer.concat([content('a'), second.subarray(0, 20)]));
    assert.equal(text(sent), text(content('a')));
    assert.equal(text(tap.push(second.subarray(20))), text(second));
  });

  test('comments and blank lines go on', () => {
    const tap = tapFor('chat.completions');
    assert.equal(text(tap.push(Buffer.from(': keep-alive\n\n\n'))), ': keep-alive\n\n\n');
  });

  test('a long event that cannot matter is not held back', () => {
    const tap = tapFor('responses');
    tap.push(created);
    const image = typed({ type: 'response.image_generation_call.partial_image', b64: 'A'.repeat(400_000) });
    const parts = [image.subarray(0, 200_000), image.subarray(200_000, 300_000), image.subarray(300_000)];
    const sent = parts.map((part) => tap.push(part));
    assert.deepEqual(
      sent.map((part) => part?.length),
      [undefined, 300_000, image.length - 300_000],
    );
    assert.equal(Buffer.concat(sent.filter((part) => part !== undefined)).equals(image), true);
    tap.push(completed);
    assert.equal(tap.terminal, true);
    assert.equal(tap.reading().units.input, 5);
  });

  test('a long event that may be the last one is held back whole', () => {
    const tap = tapFor('responses');
    const image = typed({
      type: 'response.completed',
      response: {
        output: [{ type: 'image_generation_call', result: 'A'.repeat(400_000) }],
        usage: { input_tokens: 5, output_tokens: 2 },
      },
    });
    for (let at = 0; at < image.length; at += 50_000)
      assert.equal(tap.push(image.subarray(at, at + 50_000)), undefined);
    assert.equal(tap.terminal, true);
    assert.equal(tap.held()?.equals(image), true);
    assert.deepEqual(tap.reading().units.toolCalls, { image_generation: 1 });
  });
});

describe('a client that has not asked for usage', () => {
  test('does not get the usage-only chunk', () => {
    const tap = tapFor('chat.completions');
    tap.push(content('a'));
    assert.equal(tap.push(usageOnly), undefined);
    assert.equal(tap.reading().units.output, 2);
  });

  test('gets a chunk that carries choices too, without the usage', () => {
    const tap = tapFor('chat.completions');
    const sent = tap.push(event({ id: 'x', choices: [{ index: 0, delta: {}, finish_reason: 'stop' }], usage }));
    assert.equal(text(sent), 'data: {"id":"x","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n');
    assert.equal(tap.reading().units.output, 2);
  });

  test('gets the annotations of the prompt, which have no choices either', () => {
    const tap = tapFor('chat.completions');
    const annotation = event({ choices: [], model: '', prompt_filter_results: [{ prompt_index: 0 }] });
    assert.equal(text(tap.push(annotation)), text(annotation));
    const both = tap.push(event({ choices: [], prompt_filter_results: [], usage }));
    assert.equal(text(both), 'data: {"choices":[],"prompt_filter_results":[]}\n\n');
  });

  test('gets the events around what is taken out', () => {
    const tap = tapFor('chat.completions');
    const sent = tap.push(Buffer.concat([content('a'), usageOnly, content('b'), content('c')]));
    assert.equal(text(sent), `${text(content('a'))}${text(content('b'))}${text(content('c'))}`);
  });
});

test('a client that has asked for usage gets it as it came', () => {
  const tap = tapFor('chat.completions', { clientWantsUsage: true });
  tap.push(content('a'));
  const chunk = Buffer.concat([content('b'), usageOnly]);
  assert.equal(tap.push(chunk)?.equals(chunk), true);
});

describe('a stream that is broken off', () => {
  test('has told its model and its tier', () => {
    const tap = tapFor('chat.completions');
    tap.push(event({ model: '', choices: [], prompt_filter_results: [] }));
    tap.push(event({ model: 'gpt-5-mini', service_tier: 'flex', choices: [{ index: 0, delta: { content: 'a' } }] }));
    const { reportedModel, serviceTier, measuredInput, measuredOutput, ending } = tap.reading();
    assert.deepEqual(
      { reportedModel, serviceTier, measuredInput, measuredOutput, ending },
      {
        reportedModel: 'gpt-5-mini',
        serviceTier: 'flex',
        measuredInput: 'unknown',
        measuredOutput: 'unknown',
        ending: null,
      },
    );
  });

  test('has told which hosted tools were called', () => {
    const tap = tapFor('responses');
    tap.push(created);
    for (const action of ['search', 'open_page', 'search']) {
      const item = { type: 'web_search_call', action: { type: action } };
      tap.push(typed({ type: 'response.output_item.done', item }));
    }
    assert.deepEqual(tap.reading().units.toolCalls, { web_search: 2 });
  });

  test('keeps its last usage where usage comes in every chunk', () => {
    const tap = tapFor('chat.completions');
    for (const completion of [1, 2])
      tap.push(event({ choices: [{ delta: {} }], usage: { ...usage, completion_tokens: completion } }));
    assert.equal(tap.reading().units.output, 2);
    tap.push(event({ choices: [{ delta: {} }], usage: {} }));
    assert.equal(tap.reading().units.output, 2);
  });
});

describe('what is kept for counting', () => {
  test('is the buffers that were handed out, until the usage is known', () => {
    const tap = tapFor('chat.completions');
    const chunks = [content('a'), content('b')];
    for (const chunk of chunks) tap.push(chunk);
    const kept = tap.delivered();
    assert.equal(kept.length, 2);
    assert.equal(kept[1], chunks[1]);
    tap.push(usageOnly);
    assert.deepEqual(tap.delivered(), []);
    tap.push(content('c'));
    assert.deepEqual(tap.delivered(), []);
  });

  test('is nothing of what was held or taken out', () => {
    const tap = tapFor('chat.completions');
    tap.push(
      Buffer.concat([content('a'), event({ choices: [], usage: { prompt_tokens: 5, completion_tokens: -1 } }), done]),
    );
    assert.equal(Buffer.concat(tap.delivered()).toString(), text(content('a')));
  });

  test('stays while the output is unknown', () => {
    const tap = tapFor('chat.completions');
    tap.push(content('a'));
    tap.push(event({ choices: [], usage: { prompt_tokens: 5 } }));
    assert.equal(tap.reading().measuredInput, 'reported');
    assert.equal(tap.delivered().length, 1);
  });

  test('is nothing where nothing may be kept', () => {
    const tap = tapFor('chat.completions', { keepBytes: 0 });
    tap.push(content('a'));
    assert.deepEqual(tap.delivered(), []);
  });
});

test('an event too long for any reply goes on in the end, unread', () => {
  const tap = tapFor('chat.completions', { keepBytes: 0 });
  const megabyte = Buffer.alloc(1024 * 1024, 'x');
  assert.equal(tap.push(Buffer.from('data: {"choices":[{"delta":{"content":"')), undefined);
  let sent: Buffer | undefined;
  for (let count = 1; sent === undefined && count <= 65; count++) sent = tap.push(megabyte);
  assert.equal(sent === undefined, false);
  assert.equal(tap.push(Buffer.from('"}}]}\n\n'))?.toString(), '"}}]}\n\n');
  tap.push(Buffer.concat([usageOnly, done]));
  assert.equal(tap.reading().units.output, 2);
  assert.equal(tap.terminal, true);
});
