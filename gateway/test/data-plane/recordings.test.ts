// Every recording of the served dialects through the gateway, from the twin's replay to a client.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { UsageRecord } from '#model/usage-record.ts';
import { readGolden } from '../golden/golden-files.ts';
import { recordedReplies, recordingsMissing, type RecordedReply } from '../golden/recordings.ts';
import {
  call,
  configFor,
  eventsOf,
  keys,
  startStack,
  type Answer,
  type RunningStack,
} from '../support/running-gateway.ts';

const paths = {
  'chat.completions': '/openai/v1/chat/completions',
  completions: '/openai/v1/completions',
  embeddings: '/openai/v1/embeddings',
  responses: '/openai/v1/responses',
} as const;

/** A recording of several turns is several replies, each a file of its own. */
function fileOf(reply: RecordedReply): string {
  const flat = reply.name.replaceAll(/[/#]/g, '_');
  if (!reply.stream) return `${flat.replace(/\.json$/, '')}.json`;
  return reply.name.endsWith('.sse') ? flat : `${flat.replaceAll('.chunks.txt', '')}.chunks.txt`;
}

function contentOf(reply: RecordedReply): string {
  const text = reply.bytes.toString();
  if (!reply.stream || reply.name.endsWith('.sse')) return text;
  return eventsOf(text)
    .filter((data) => data !== '[DONE]')
    .join('\n');
}

function promptFor(reply: RecordedReply, file: string): object {
  if (reply.operation === 'embeddings' || reply.operation === 'responses') return { input: file };
  const prompt = reply.operation === 'completions' ? { prompt: file } : { messages: [{ role: 'user', content: file }] };
  return reply.stream ? { ...prompt, stream_options: { include_usage: true } } : prompt;
}

const throttles = (reply: RecordedReply): boolean => reply.bytes.includes('"insufficient_quota"') && !reply.stream;
const usageIn = (data: string): unknown => (data === '[DONE]' ? null : JSON.parse(data).usage) ?? null;

const responseId = /"id"\s*:\s*"(resp_[\w-]+)"/;

const encrypted = /"encrypted_content"\s*:\s*"(?!")/g;
const tagged = /("encrypted_content"\s*:\s*")tg1_[\w-]{31}\./g;

/** The id of a response goes out signed, wherever it stands, and every encrypted content with its tag; nothing else may differ. */
function asRecorded(body: string, reply: RecordedReply): string {
  const [, recorded] = responseId.exec(reply.bytes.toString()) ?? [];
  const [, told] = responseId.exec(body) ?? [];
  if (reply.operation !== 'responses' || recorded === undefined || told === undefined) return body;
  assert.notEqual(told, recorded);
  assert.equal(body.match(tagged)?.length, reply.bytes.toString().match(encrypted)?.length);
  return body.replaceAll(told, recorded).replaceAll(tagged, '$1');
}

describe('recordings', recordingsMissing === undefined ? {} : { skip: recordingsMissing }, () => {
  const replies = recordedReplies();
  const settled = new Map<string, UsageRecord>();
  const cleanUps: (() => unknown)[] = [];
  let stack: RunningStack;

  before(async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'tollgate-replay-'));
    mkdirSync(folder, { recursive: true });
    for (const reply of replies) writeFileSync(path.join(folder, fileOf(reply)), contentOf(reply));
    cleanUps.push(() => rmSync(folder, { recursive: true, force: true }));
    stack = await startStack(
      { after: (run) => void cleanUps.push(() => (run as () => unknown)()) },
      {
        twin: { replay: folder },
        overrides: {
          wrapLedger: (ledger) => ({
            open: (attempt) => ledger.open(attempt),
            settle(record) {
              settled.set(record.requestId, record);
              return ledger.settle(record);
            },
          }),
        },
        config: (twin) =>
          configFor(twin, {
            products:
              '  standard: { models: [replay], unpriced: allow-and-flag }\n  small: { models: [replay], unpriced: allow-and-flag }',
            endpoints: `  replay: { resource: '${twin}/contoso-weu', region: westeurope, deployment: replay, model: gpt-5.4-mini, type: GlobalStandard, auth: { key: '\${TEST_TWIN_KEY}' } }`,
            models: '  replay: { tiers: [[replay]] }',
          }),
      },
    );
  });
  after(async () => {
    for (const run of cleanUps.toReversed()) await run();
  });

  const send = (reply: RecordedReply, body: object): Promise<Answer> =>
    call(`${stack.url}${paths[reply.operation]}`, {
      headers: { 'api-key': keys.marketing },
      body: { model: 'replay', ...(reply.stream ? { stream: true } : {}), ...body },
    });

  // The recorded 429 comes last: it throttles the endpoint, as it should.
  const inOrder = [...replies.filter((reply) => !throttles(reply)), ...replies.filter(throttles)];
  test('a stream that did not ask for usage gets everything but the usage', async () => {
    for (const reply of replies.filter((one) => one.stream && one.operation === 'chat.completions')) {
      const answer = await send(reply, { messages: [{ role: 'user', content: fileOf(reply) }] });
      assert.ok(eventsOf(answer.body).every((data) => usageIn(data) === null));
      const expected = eventsOf(reply.bytes.toString()).filter((data) => usageIn(data) === null);
      const got = eventsOf(answer.body).filter((data) => expected.includes(data));
      assert.deepEqual(got, expected, reply.name);
    }
  });

  for (const reply of inOrder) {
    test(`${reply.name} reaches the client unchanged but for what is signed, and yields its usage`, async () => {
      const answer = await send(reply, promptFor(reply, fileOf(reply)));
      const record = settled.get(String(answer.headers['x-request-id']));
      assert.ok(record, answer.body.slice(0, 200));
      if (record.httpStatus !== 200) {
        assert.equal(record.outcome, 'refused-by-upstream');
        assert.equal(record.measuredOutput, 'none');
        if (record.httpStatus === 400) assert.equal(answer.body, reply.bytes.toString());
        return;
      }
      const { units, reportedModel, serviceTier } = readGolden(reply.name) as UsageRecord;
      // Where the recording holds no usage, the gateway counts; what it does hold is taken as it is.
      if (record.measuredOutput === 'reported') assert.deepEqual(record.units, units);
      else assert.equal(units.output, null);
      assert.deepEqual([record.reportedModel, record.serviceTier], [reportedModel, serviceTier]);
      const body = asRecorded(answer.body, reply);
      if (reply.stream) assert.deepEqual(eventsOf(body), eventsOf(reply.bytes.toString()));
      else assert.equal(body, reply.bytes.toString());
    });
  }

  test('the ledger is whole after all of them', async () => {
    assert.deepEqual((await stack.verify()).problems, []);
  });
});
