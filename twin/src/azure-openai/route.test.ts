import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { routeOf } from './route.ts';

const found: Readonly<Record<string, object>> = {
  '/openai/deployments/d1/chat/completions?api-version=2024-10-21': {
    surface: 'classic',
    operation: 'chat.completions',
    deployment: 'd1',
    apiVersion: '2024-10-21',
    resource: undefined,
    method: 'POST',
  },
  '/contoso-weu/openai/deployments/a%20b/embeddings': {
    deployment: 'a b',
    resource: 'contoso-weu',
    apiVersion: undefined,
  },
  '/contoso-swc/openai/v1/responses': { surface: 'v1', operation: 'responses', resource: 'contoso-swc' },
  '/openai/responses?api-version=2025-04-01-preview': { surface: 'classic', operation: 'responses' },
  '/openai/v1/completions': { operation: 'completions', deployment: undefined },
  '/openai/models?api-version=2024-10-21': { surface: 'classic', operation: 'models.list', method: 'GET' },
  '/openai/v1/models/gpt-5.4-mini': { surface: 'v1', operation: 'models.retrieve', model: 'gpt-5.4-mini' },
};

void suite('paths of Azure OpenAI', () => {
  for (const [target, expected] of Object.entries(found))
    test(target, () => {
      const route = routeOf(target);
      assert.ok(route !== undefined);
      assert.deepEqual(Object.fromEntries(Object.entries(route).filter(([name]) => name in expected)), expected);
    });

  for (const target of [
    '/',
    '/openai',
    '/openai/deployments/d1',
    '/openai/deployments//chat/completions',
    '/openai/v1/chat',
    '/a/b/openai/v1/responses',
    '/openai/v1/images/generations',
    '/openai/deployments/%ff/embeddings',
    '/v1/models',
  ])
    test(`nothing: ${target}`, () => assert.equal(routeOf(target), undefined));
});
