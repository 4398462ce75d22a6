// Python's package `openai` through the gateway to the twin, where the machine has it.
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { skipWithout } from '../support/required-programs.ts';
import { keys, startStack } from '../support/running-gateway.ts';
import { until } from '../support/until.ts';

const python = process.env['TOLLGATE_TEST_PYTHON'] ?? 'python3';

function missing(): string | undefined {
  try {
    execFileSync(python, ['-c', 'import openai'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return `'${python}' has no package openai (pip install openai, or set TOLLGATE_TEST_PYTHON)`;
  }
}

const why = missing();

test('the openai package of Python works unchanged', skipWithout('python', why), async (context) => {
  assert.equal(why, undefined);
  const stack = await startStack(context);
  const script = fileURLToPath(new URL('openai_client.py', import.meta.url));
  const { stdout } = await promisify(execFile)(python, [script, stack.url, keys.marketing]);
  const seen = JSON.parse(stdout);
  for (const surface of ['classic', 'v1']) {
    assert.ok(seen[surface].chat > 0);
    assert.ok(seen[surface].streamed > 0);
    assert.ok(seen[surface].embedding > 100);
    assert.deepEqual(seen[surface].models, [
      'classic',
      'gpt-5-mini',
      'gpt-5.4-mini',
      'one-endpoint',
      'text-embedding-3-small',
    ]);
    assert.deepEqual(seen[surface].refused, ['invalid_request_body', 'messages', 26]);
  }
  assert.ok(seen.v1.response > 0 && seen.v1.streamed_response > 0 && seen.v1.deltas > 0);
  assert.equal(seen.unauthorized, 'invalid_api_key');
  await until(async () => (await stack.usage()).lag.openAttempts === 0);
  const { total } = await stack.usage();
  const truth = stack.twin.usage().total;
  assert.deepEqual(
    [total.inputTokens, total.cachedInputTokens, total.outputTokens, total.reasoningTokens],
    [truth.inputTokens, truth.cachedInputTokens, truth.outputTokens, truth.reasoningTokens],
  );
});
