import assert from 'node:assert/strict';
import test from 'node:test';
import { Failure } from '#kernel/errors.ts';
import { methodsOf, targetOf } from './operations.ts';

const served = [
  ['/openai/deployments/gpt-5.4-mini/chat/completions', 'classic', 'chat.completions', 'gpt-5.4-mini'],
  ['/openai/deployments/a%20b/embeddings', 'classic', 'embeddings', 'a b'],
  ['/openai/deployments/x/completions', 'classic', 'completions', 'x'],
  ['/openai/responses', 'classic', 'responses', null],
  ['/openai/models', 'classic', 'models.list', null],
  ['/openai/v1/chat/completions', 'v1', 'chat.completions', null],
  ['/openai/v1/responses', 'v1', 'responses', null],
  ['/openai/v1/models/gpt-5.4-mini', 'v1', 'models.retrieve', 'gpt-5.4-mini'],
  ['/v1/embeddings', 'v1', 'embeddings', null],
  ['/v1/models', 'v1', 'models.list', null],
] as const;

for (const [path, surface, operation, pathModel] of served) {
  test(`${path} is ${operation} on the ${surface} surface`, () => {
    assert.deepEqual(targetOf(path), { surface, operation, pathModel });
    assert.deepEqual(methodsOf(operation), [operation.startsWith('models') ? 'GET' : 'POST']);
  });
}

const stored = [
  ['/openai/v1/responses/resp_1', 'GET', 'v1', 'responses.retrieve', ['GET', 'DELETE']],
  ['/v1/responses/resp_1', 'DELETE', 'v1', 'responses.delete', ['GET', 'DELETE']],
  ['/openai/responses/resp_1', 'PUT', 'classic', 'responses.retrieve', ['GET', 'DELETE']],
  ['/openai/responses/resp%5F1/cancel', 'POST', 'classic', 'responses.cancel', ['POST']],
  ['/openai/v1/responses/resp_1/input_items', 'GET', 'v1', 'responses.input_items', ['GET']],
] as const;

for (const [path, method, surface, operation, methods] of stored) {
  test(`${method} ${path} is ${operation}`, () => {
    assert.deepEqual(targetOf(path, method), { surface, operation, pathModel: null, storedId: 'resp_1' });
    assert.deepEqual(methodsOf(operation), methods);
  });
}

const refused = [
  ['/', 'not_found'],
  ['/openai', 'not_found'],
  ['/openai/v1/constructor', 'not_found'],
  ['/v1/__proto__', 'not_found'],
  ['/openai/deployments/', 'not_found'],
  ['/openai/deployments/%ZZ/chat/completions', 'not_found'],
  ['/openai/deployments//chat/completions', 'not_found'],
  ['/openai/deployments/x/images/generations', 'operation_not_metered'],
  ['/openai/deployments/x/audio/speech', 'operation_not_metered'],
  ['/openai/v1/responses/', 'not_found'],
  ['/openai/v1/responses/resp_1/other', 'not_found'],
  ['/openai/v1/responses/resp_1/cancel/more', 'not_found'],
  ['/openai/v1/responses/%ZZ', 'not_found'],
  ['/openai/v1/files', 'operation_not_metered'],
  ['/v1/batches', 'operation_not_metered'],
  ['/openai/realtime', 'operation_not_metered'],
  ['/openai/v1/chat/completions/extra', 'operation_not_metered'],
] as const;

for (const [path, code] of refused) {
  test(`${path} is refused as ${code}`, () => {
    assert.throws(
      () => targetOf(path),
      (thrown) => thrown instanceof Failure && thrown.code === code,
    );
  });
}
