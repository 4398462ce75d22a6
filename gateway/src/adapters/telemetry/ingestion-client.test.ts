import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  createHttpHeaders,
  createPipelineRequest,
  type PipelineRequest,
  type PipelineResponse,
} from '@azure/core-rest-pipeline';
import { IngestionClient } from './ingestion-client.ts';

const requestOf = (count: number): PipelineRequest =>
  createPipelineRequest({
    url: 'https://ingestion.test/v2.1/track',
    method: 'POST',
    body: JSON.stringify(Array.from({ length: count }, (_, at) => ({ at }))),
  });
const answer = (request: PipelineRequest, status: number, body = ''): PipelineResponse => ({
  request,
  status,
  headers: createHttpHeaders(),
  bodyAsText: body,
});

test('a batch that was given up counts nothing for the one that is sent instead', async () => {
  const hanging = Promise.withResolvers<number>();
  const statuses: (Promise<number> | number)[] = [hanging.promise, 400];
  const client = new IngestionClient({
    sendRequest: async (request) => answer(request, (await statuses.shift()) ?? 500),
  });
  const first = client.begin();
  const late = client.sendRequest(requestOf(3));
  const second = client.begin();
  assert.equal((await client.sendRequest(requestOf(2))).status, 400);
  hanging.resolve(200);
  await late;
  assert.deepEqual(
    [first, second],
    [
      { taken: 3, lost: 0 },
      { taken: 0, lost: 2 },
    ],
  );
});

for (const [what, body, fate] of [
  ['says nothing', '', { taken: 4, lost: 0 }],
  ['refuses one', JSON.stringify({ errors: [{ index: 1, statusCode: 400 }] }), { taken: 3, lost: 1 }],
  [
    'names an item that was not sent',
    JSON.stringify({ errors: [{ index: 9, statusCode: 400 }] }),
    { taken: 4, lost: 0 },
  ],
] as const)
  test(`an answer that ${what}`, async () => {
    const client = new IngestionClient({
      sendRequest: async (request) => await Promise.resolve(answer(request, 206, body)),
    });
    const counted = client.begin();
    await client.sendRequest(requestOf(4));
    assert.deepEqual(counted, fate);
  });
