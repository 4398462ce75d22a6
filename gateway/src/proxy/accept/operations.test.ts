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

const both = ['GET', 'DELETE'];
const stored = [
  ['/openai/v1/responses/resp_1', 'GET', 'responses.retrieve', both],
  ['/v1/responses/resp_1', 'DELETE', 'responses.delete', both],
  ['/openai/responses/resp_1', 'PUT', 'responses.retrieve', both],
  ['/openai/responses/resp%5F1/cancel', 'POST', 'responses.cancel', ['POST']],
  ['/openai/v1/responses/resp_1/input_items', 'GET', 'responses.input_items', ['GET']],
  ['/openai/v1/conversations', 'POST', 'conversations.create', ['POST'], null],
  ['/openai/v1/conversations', 'GET', 'conversations.create', ['POST'], null],
  ['/v1/conversations/conv_1', 'GET', 'conversations.retrieve', ['GET', 'POST', 'DELETE'], 'conv_1'],
  ['/v1/conversations/conv_1', 'POST', 'conversations.update', ['GET', 'POST', 'DELETE'], 'conv_1'],
  ['/openai/conversations/conv_1', 'DELETE', 'conversations.delete', ['GET', 'POST', 'DELETE'], 'conv_1'],
  ['/v1/conversations/conv_1/items', 'POST', 'conversations.items.create', ['POST', 'GET'], 'conv_1'],
  ['/v1/conversations/conv_1/items', 'GET', 'conversations.items.list', ['POST', 'GET'], 'conv_1'],
  ['/v1/conversations/conv_1/items/msg%5F1', 'GET', 'conversations.items.retrieve', both, 'conv_1', 'msg_1'],
  ['/v1/conversations/conv_1/items/msg_1', 'DELETE', 'conversations.items.delete', both, 'conv_1', 'msg_1'],
] as const;

for (const [path, method, operation, methods, id = 'resp_1', item = null] of stored) {
  test(`${method} ${path} is ${operation}`, () => {
    const target = targetOf(path, method);
    assert.deepEqual([target.operation, target.stored], [operation, { id, item }]);
    assert.equal(target.surface, path.includes('v1/') ? 'v1' : 'classic');
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
  ['/openai/v1/responses/compact', 'operation_not_metered'],
  ['/openai/v1/responses/input_tokens', 'operation_not_metered'],
  ['/openai/v1/conversations/conv_1/items/%ZZ', 'not_found'],
  ['/openai/v1/conversations/conv_1/other', 'not_found'],
  ['/openai/v1/conversationsx', 'not_found'],
  ['/openai/v1/vector_stores', 'operation_not_metered'],
  ['/v1/uploads', 'operation_not_metered'],
  ['/openai/v1/files/file-1/contents', 'not_found'],
  ['/openai/batches/batch_1/stop', 'not_found'],
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
