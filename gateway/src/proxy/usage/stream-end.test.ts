import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import {
  completed,
  content,
  created,
  done,
  event,
  tapFor,
  text,
  typed,
  usageOnly,
} from '../../../test/support/stream-events.ts';

describe('the end', () => {
  test('is held back with all that follows it, and what comes before goes on', () => {
    const tap = tapFor('chat.completions');
    assert.equal(text(tap.push(Buffer.concat([content('a'), done, content('late')]))), text(content('a')));
    assert.equal(tap.terminal, true);
    assert.equal(tap.push(Buffer.from(': later\n\n')), undefined);
    tap.end();
    assert.equal(text(tap.held()), `${text(done)}${text(content('late'))}: later\n\n`);
  });

  test('nothing is held while the reply goes on', () => {
    const tap = tapFor('chat.completions');
    tap.push(content('a'));
    assert.equal(tap.terminal, false);
    assert.equal(tap.held(), undefined);
  });

  test('is read without its blank line', () => {
    const tap = tapFor('chat.completions');
    tap.push(Buffer.concat([content('a'), usageOnly, Buffer.from('data: [DONE]')]));
    assert.equal(tap.terminal, false);
    tap.end();
    assert.equal(tap.terminal, true);
    assert.equal(text(tap.held()), 'data: [DONE]');
  });

  test('a stream that stops without its end is not terminal; its rest is held', () => {
    const tap = tapFor('chat.completions');
    tap.push(Buffer.concat([content('a'), content('b').subarray(0, 30)]));
    tap.end();
    assert.equal(tap.terminal, false);
    assert.equal(text(tap.held()), text(content('b').subarray(0, 30)));
  });

  test('a usage-only chunk without its blank line is read and not handed to who has not asked', () => {
    const tap = tapFor('chat.completions');
    tap.push(Buffer.concat([content('a'), usageOnly.subarray(0, -2)]));
    tap.end();
    assert.equal(tap.reading().units.output, 2);
    assert.equal(tap.held(), undefined);
  });

  test('an end that was cut off is none, though a usage that is whole in it counts', () => {
    const tap = tapFor('responses');
    tap.push(created);
    tap.push(completed.subarray(0, completed.length - 4));
    tap.end();
    assert.equal(tap.terminal, false);
    assert.equal(tap.reading().units.output, 2);
  });

  test('an end that is malformed, but not cut off, is one', () => {
    const tap = tapFor('responses');
    tap.push(
      Buffer.from(
        'event: response.completed\ndata: {"type":"response.completed","response":{"usage":{"input_tokens":5,"output_tokens":2}}\n\n',
      ),
    );
    assert.equal(tap.terminal, true);
    assert.equal(tap.reading().units.input, 5);
  });

  test('an error is the end of a chat', () => {
    const tap = tapFor('chat.completions');
    tap.push(content('a'));
    assert.equal(tap.push(event({ error: { code: 'server_error', message: 'x' } })), undefined);
    assert.equal(tap.terminal, true);
    assert.equal(tap.reading().ending, 'failed');
  });

  test('an error in a response is held back, and what follows it still tells the usage', () => {
    const error = typed({ type: 'error' });
    const failed = typed({
      type: 'response.failed',
      response: { status: 'failed', error: { code: 'x' }, usage: { input_tokens: 5, output_tokens: 2 } },
    });
    const tap = tapFor('responses');
    tap.push(created);
    assert.equal(tap.push(error), undefined);
    assert.equal(tap.terminal, false);
    assert.equal(tap.push(failed), undefined);
    assert.equal(tap.terminal, true);
    assert.equal(tap.reading().units.output, 2);
    assert.equal(text(tap.held()), `${text(error)}${text(failed)}`);
  });

  test('a long event after an error waits with the rest', () => {
    const tap = tapFor('responses');
    tap.push(Buffer.concat([created, typed({ type: 'error' })]));
    const long = typed({ type: 'response.output_text.delta', delta: 'A'.repeat(400_000) });
    for (let at = 0; at < long.length; at += 100_000)
      assert.equal(tap.push(long.subarray(at, at + 100_000)), undefined);
    tap.end();
    assert.equal(text(tap.held()), `${text(typed({ type: 'error' }))}${text(long)}`);
  });

  test('an error in a response that nothing follows is the end', () => {
    const tap = tapFor('responses');
    tap.push(Buffer.concat([created, typed({ type: 'error' })]));
    tap.end();
    assert.equal(tap.terminal, true);
    assert.equal(tap.reading().ending, 'failed');
  });
});
