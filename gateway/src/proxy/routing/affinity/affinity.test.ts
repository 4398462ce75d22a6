import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { array, assert as holds, integer, property } from 'fast-check';
import type { AffinityRules } from '#model/affinity.ts';
import { ReplyIds } from './reply-ids.ts';
import { resourceTag, signingKey } from './signature.ts';
import { openId, sealId } from './signed-id.ts';

const resource = 'https://contoso-weu.openai.azure.com';
const keys = ['first-signing-key-of-the-tests-0123456789', 'second-signing-key-of-the-tests-0123456789'].map(
  signingKey,
);
const [first, second] = keys;
assert.ok(first !== undefined && second !== undefined);
const rules: AffinityRules = { keys: [first], boundTo: 'subscription', unsigned: 'pass' };
const raw = `resp_${'0123456789abcdef'.repeat(3)}`;
const sealing = { prefix: 'resp_', owner: 'subscription marketing-web', resource } as const;

describe('a signed id', () => {
  const id = sealId(rules, raw, sealing);

  test('is opened by its owner, on any replica that has the key', () => {
    assert.match(id, /^resp_[\w-]+$/);
    assert.ok(!id.includes(raw.slice(5)), 'the id of the upstream cannot be read off');
    assert.deepEqual(openId(structuredClone(rules), id, sealing), { raw, tag: resourceTag(resource) });
  });

  test('is nothing for anybody else, and nothing when one character is changed', () => {
    assert.equal(openId(rules, id, { ...sealing, owner: 'subscription finance-copilot' }), undefined);
    for (let at = 5; at < id.length; at += 1) {
      const other = id[at] === 'A' ? 'B' : 'A';
      const changed = id.slice(0, at) + other + id.slice(at + 1);
      // The last character may carry bits that mean nothing.
      if (Buffer.from(changed.slice(5), 'base64url').equals(Buffer.from(id.slice(5), 'base64url'))) continue;
      assert.equal(openId(rules, changed, sealing), undefined, `at ${at}`);
    }
  });

  test("of the upstream's own making, or of anybody's, is nothing", () => {
    for (const text of [
      raw,
      'resp_',
      '',
      'resp_AQ',
      `resp_${'A'.repeat(2_000)}`,
      `file-${id.slice(5)}`,
      'resp_\u{1F600}',
      `${id}"`,
      `${id} `,
    ])
      assert.equal(openId(rules, text, sealing), undefined, text.slice(0, 20));
  });

  test('outlives the rotation of keys as long as its key is still known', () => {
    const rotated: AffinityRules = { ...rules, keys: [second, first] };
    assert.equal(openId(rotated, id, sealing)?.raw, raw);
    const fresh = sealId(rotated, raw, sealing);
    assert.notEqual(fresh, id);
    assert.equal(openId(rotated, fresh, sealing)?.raw, raw);
    assert.equal(openId(rules, fresh, sealing), undefined, 'a replica that has not the new key yet');
    assert.equal(openId({ ...rules, keys: [second] }, id, sealing), undefined, 'the old key is gone');
  });

  test('names its resource whatever the case of its host', () => {
    assert.equal(resourceTag('https://CONTOSO-weu.openai.azure.com'), resourceTag(resource));
    assert.notEqual(resourceTag('https://contoso-swc.openai.azure.com'), resourceTag(resource));
  });
});

const seal = (one: string): string => `resp_sealed-${one.slice(-4)}`;

describe('the ids in a reply', () => {
  const previous = `resp_${'fedcba9876543210'.repeat(3)}`;
  const known = new Map([[previous, 'resp_what-the-client-sent']]);
  const reply = JSON.stringify({
    id: raw,
    object: 'response',
    previous_response_id: previous,
    output: ['…', 'resp_x'],
  });
  const expected = reply.replace(raw, seal(raw)).replace(previous, 'resp_what-the-client-sent');

  test('are the client’s, wherever the bytes are cut', () => {
    holds(
      property(array(integer({ min: 0, max: Buffer.byteLength(reply) }), { maxLength: 12 }), (cuts) => {
        const bytes = Buffer.from(reply);
        const points = [0, ...cuts.toSorted((one, other) => one - other), bytes.length];
        const pieces = points.slice(1).map((to, at) => bytes.subarray(points[at], to));
        const ids = new ReplyIds(known, seal);
        const last = pieces.pop();
        const out = pieces.map((piece) => ids.push(piece));
        const end = ids.end(last);
        assert.equal(Buffer.concat([...out, end].filter((one) => one !== undefined)).toString(), expected);
      }),
    );
  });

  test('are the client’s in every event of a stream that has them, and the other events are not copied', () => {
    const ids = new ReplyIds(new Map(), seal);
    const created = Buffer.from(`data: {"type":"response.created","response":{"id":"${raw}"}}\n\n`);
    const delta = Buffer.from('data: {"type":"response.output_text.delta","delta":"hello"}\n\n');
    assert.equal(ids.push(created)?.toString(), created.toString().replace(raw, seal(raw)));
    assert.equal(ids.push(delta), delta);
    const completed = Buffer.from(created.toString().replace('created', 'completed'));
    assert.equal(ids.end(completed)?.toString(), completed.toString().replace(raw, seal(raw)));
  });

  test('are left alone where a reply has none: an error goes on as it came', () => {
    const ids = new ReplyIds(new Map(), seal);
    const error = Buffer.from('{"error":{"code":"429"}}');
    assert.equal(ids.push(error), undefined);
    assert.deepEqual(ids.end(undefined), error);
    assert.equal(new ReplyIds(new Map(), seal).end(undefined), undefined);
  });

  test('are not waited for for ever', () => {
    const ids = new ReplyIds(new Map(), seal);
    const long = Buffer.alloc(20_000, 0x20);
    assert.equal(ids.push(long), long);
  });
});
