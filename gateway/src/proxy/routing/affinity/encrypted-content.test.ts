import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { array, assert as holds, integer, property } from 'fast-check';
import type { AffinityRules } from '#model/affinity.ts';
import { contentTag, contentTagLength, headOf, openContentTag, TagsOfCaller } from './content-tag.ts';
import { looksEncrypted } from './encrypted-member.ts';
import { ReplyContents } from './reply-contents.ts';
import { contentsIn } from './request-contents.ts';
import { resourceTag, signingKey } from './signature.ts';

const [first, second] = ['first-signing-key-of-the-tests-0123456789', 'second-signing-key-of-the-tests-0123456789'].map(
  signingKey,
);
assert.ok(first !== undefined && second !== undefined);
const rules: AffinityRules = { keys: [first], boundTo: 'subscription', unsigned: 'pass' };
const weu = 'https://contoso-weu.openai.azure.com';
const swc = 'https://contoso-swc.openai.azure.com';
const owner = 'subscription marketing-web';
const whose = { owner, resource: weu };
const raw = `gAAAAAB${'0123456789abcdef'.repeat(12)}==`;

/** A content as its client has it. */
function tagged(content: string, by: { readonly rules?: AffinityRules; readonly resource?: string } = {}): string {
  const bytes = Buffer.from(content);
  const tag = contentTag(by.rules ?? rules, headOf(bytes, 0), { owner, resource: by.resource ?? weu });
  return tag.toString() + content;
}

const opened = (text: string, by: AffinityRules = rules, as = owner): string | undefined =>
  openContentTag(by, Buffer.from(text), { from: 0, owner: as });

const sealed = (one: string): Buffer => Buffer.from(one.slice(4, contentTagLength - 1), 'base64url');

describe('the tag before an encrypted content', () => {
  test('tells its owner the resource, on any replica that has the key', () => {
    const text = tagged(raw);
    assert.equal(text.length, raw.length + contentTagLength);
    assert.match(text, /^tg1_[\w-]{31}\.gAAAAAB/);
    assert.equal(opened(text, structuredClone(rules)), resourceTag(weu));
    assert.equal(opened(tagged('short')), resourceTag(weu));
  });

  test('is nothing for anybody else, before another content, or when one character of it is changed', () => {
    const text = tagged(raw);
    assert.equal(opened(text, rules, 'subscription finance-copilot'), undefined);
    assert.equal(opened(text.slice(0, contentTagLength) + raw.replace('0', '1')), undefined);
    assert.equal(opened(text.slice(0, contentTagLength)), undefined);
    assert.equal(opened(raw), undefined);
    for (let at = 0; at < contentTagLength - 1; at += 1) {
      const changed = text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1);
      // The last character carries bits that mean nothing.
      if (changed.startsWith('tg1_') && sealed(changed).equals(sealed(text))) continue;
      assert.equal(opened(changed), undefined, `at ${at}`);
    }
  });

  test('outlives the rotation of keys as long as its key is still known', () => {
    const rotated: AffinityRules = { ...rules, keys: [second, first] };
    assert.equal(opened(tagged(raw), rotated), resourceTag(weu));
    assert.equal(opened(tagged(raw, { rules: rotated }), rules), undefined, 'a replica that has not the new key yet');
    assert.equal(opened(tagged(raw), { ...rules, keys: [second] }), undefined, 'the old key is gone');
  });

  test('holds however a JSON writer escapes what comes behind', () => {
    const odd = `${raw.slice(0, 20)}/+${raw.slice(20)}`;
    const reply = `{"encrypted_content":"${odd.replace('/', '\\/').replace('+', '\\u002B')}"}`;
    const out = new ReplyContents(rules, whose).end(Buffer.from(reply))?.toString() ?? '';
    const held = String(JSON.parse(out).encrypted_content);
    assert.equal(held.slice(contentTagLength), odd);
    assert.equal(opened(held), resourceTag(weu));
  });
});

describe('the encrypted contents of a reply', () => {
  const item = { id: 'rs_1', type: 'reasoning', summary: [], encrypted_content: raw };
  const reply = JSON.stringify({
    output: [
      item,
      { ...item, id: 'rs_2', encrypted_content: '' },
      { type: 'message', content: [{ type: 'output_text', text: `so \\ "encrypted_content":"${raw}" as text` }] },
      { type: 'message', content: [{ type: 'encrypted_content', encrypted_content: 'short' }] },
      { type: 'reasoning', encrypted_content: null },
    ],
    include: ['encrypted_content', 'reasoning.encrypted_content'],
  });
  const expected = reply.replace(`:"${raw}"`, `:"${tagged(raw)}"`).replace(':"short"', `:"${tagged('short')}"`);

  test('are tagged, wherever the bytes are cut; texts that look like one, empty ones and null are left alone', () => {
    assert.notEqual(expected, reply);
    holds(
      property(array(integer({ min: 0, max: Buffer.byteLength(reply) }), { maxLength: 12 }), (cuts) => {
        const bytes = Buffer.from(reply);
        const points = [0, ...cuts.toSorted((one, other) => one - other), bytes.length];
        const pieces = points.slice(1).map((to, at) => bytes.subarray(points[at], to));
        const contents = new ReplyContents(rules, whose);
        const last = pieces.pop();
        const out = pieces.map((piece) => contents.push(piece));
        const end = contents.end(last);
        assert.equal(Buffer.concat([...out, end].filter((one) => one !== undefined)).toString(), expected);
      }),
    );
  });

  test('are tagged with spaces around the colon, and a reply without any is not copied', () => {
    const contents = new ReplyContents(rules, whose);
    const spaced = Buffer.from(`data: {"encrypted_content" : "${raw}"}\n\n`);
    assert.equal(contents.push(spaced)?.toString(), spaced.toString().replace(raw, tagged(raw)));
    const delta = Buffer.from('data: {"type":"response.output_text.delta","delta":"hello"}\n\n');
    assert.equal(contents.push(delta), delta);
    assert.equal(contents.end(delta), delta);
    assert.equal(contents.end(undefined), undefined);
  });

  test('are not searched for where metadata would be taken for one, and metadata keeps what the client wrote', () => {
    for (const name of ['encrypted_content', 'a"encrypted_content', '\\"encrypted_content']) {
      const bytes = Buffer.from(JSON.stringify({ metadata: { [name]: 'mine' } }));
      assert.equal(looksEncrypted({ [name]: 'mine' }), true, name);
      assert.notDeepEqual(new ReplyContents(rules, whose).end(bytes), bytes, 'it would be taken for one');
    }
    for (const harmless of [
      { my_encrypted_content: '', encrypted_contents: '' },
      { a: '"encrypted_content":"b"' },
      null,
    ]) {
      const bytes = Buffer.from(JSON.stringify({ metadata: harmless }));
      assert.equal(looksEncrypted(harmless), false);
      assert.equal(new ReplyContents(rules, whose).end(bytes), bytes);
    }
  });

  test('are not waited for: their beginning is enough, and a reply that breaks off keeps what came', () => {
    const contents = new ReplyContents(rules, whose);
    const begun = Buffer.from(`{"encrypted_content":"${raw.slice(0, 64)}`);
    assert.equal(contents.push(begun)?.length, begun.length + contentTagLength);
    assert.equal(contents.push(Buffer.from('{"encrypted_content":"gAAA'))?.toString(), '{');
    assert.match(String(contents.end(undefined)), /^"encrypted_content":"tg1_.{31}\.gAAA$/);
    for (const cut of ['{"encrypted_content"', '{"encrypted_content": ', '{"encrypted_content":"', '{"encry']) {
      const other = new ReplyContents(rules, whose);
      const passed = other.push(Buffer.from(cut));
      assert.equal(String(passed ?? '') + String(other.end(undefined) ?? ''), cut);
    }
  });
});

const found = (input: unknown, as = owner): ReturnType<typeof contentsIn> => {
  const bytes = Buffer.from(JSON.stringify(input));
  return contentsIn(bytes, { start: 0, end: bytes.length }, new TagsOfCaller(rules, as));
};
const item = (content: unknown): object => ({ type: 'reasoning', encrypted_content: content });

describe('the encrypted contents that a request brings along', () => {
  test('are none where the name stands nowhere, which is found out by one search', () => {
    assert.equal(found('Hello'), undefined);
    assert.equal(found([{ role: 'user', content: 'about "encrypted_content":"tg1_"' }]), undefined);
  });

  test('say where they were made, and where their tags stand', () => {
    const input = [
      { role: 'user', content: 'äöü' },
      item(tagged(raw)),
      { type: 'compaction', encrypted_content: tagged('x') },
    ];
    const brought = found(input);
    assert.deepEqual([...(brought?.homes ?? [])], [resourceTag(weu)]);
    const bytes = Buffer.from(JSON.stringify(input));
    let without = '';
    let at = 0;
    for (const { start, end } of brought?.cuts ?? []) {
      without += bytes.toString('utf8', at, start);
      at = end;
    }
    without += bytes.toString('utf8', at);
    assert.deepEqual(JSON.parse(without), [input[0], item(raw), { type: 'compaction', encrypted_content: 'x' }]);
  });

  test('are told apart: without a tag, empty, of two resources, of another caller, made up', () => {
    const nothing = { homes: new Set(), cuts: [], untagged: false, refused: false };
    assert.deepEqual(found([item(''), item(null), item(7)]), nothing);
    assert.deepEqual(found([item(raw)]), { ...nothing, untagged: true });
    assert.equal(found([item(tagged(raw)), item(tagged(raw, { resource: swc }))])?.homes.size, 2);
    assert.deepEqual(found([item(tagged(raw))], 'subscription finance-copilot'), { ...nothing, refused: true });
    assert.deepEqual(found([item(`tg1_${'A'.repeat(31)}.${raw}`)]), { ...nothing, refused: true });
    assert.deepEqual(found([item('tg1_')]), { ...nothing, refused: true });
  });

  test('are looked at up to the first that is refused', () => {
    const brought = found([item(tagged(raw)), item('tg1_'), item(tagged(raw)), item(raw)]);
    assert.deepEqual(
      { ...brought, cuts: brought?.cuts.length },
      {
        homes: new Set([resourceTag(weu)]),
        cuts: 1,
        untagged: false,
        refused: true,
      },
    );
  });

  test('are verified once, however often the same one stands there', (context) => {
    const tags = new TagsOfCaller(rules, owner);
    const bytes = Buffer.from(tagged(raw) + tagged(raw) + tagged(`another${raw}`));
    const verified = context.mock.method(Buffer, 'from');
    const next = Buffer.byteLength(tagged(raw));
    assert.equal(tags.open(bytes, 0), resourceTag(weu));
    const once = verified.mock.callCount();
    assert.ok(once > 0);
    assert.equal(tags.open(bytes, next), resourceTag(weu));
    assert.equal(verified.mock.callCount(), once + 1, 'only the mark is looked for');
    assert.equal(tags.open(bytes, 2 * next), resourceTag(weu));
    assert.equal(tags.open(bytes, 1), undefined);
  });
});
