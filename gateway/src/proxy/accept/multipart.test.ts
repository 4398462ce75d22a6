import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Failure } from '#kernel/errors.ts';
import { MultipartReader } from './multipart.ts';

const type = 'multipart/form-data; boundary=XX';
const form = Buffer.from(
  'a preamble\r\n--XX\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n' +
    '--XX\r\ncontent-disposition: form-data; name="file"; filename="ü.jsonl"\r\ncontent-type: x/y\r\n\r\n' +
    '{"a":1}\r\n--X\r\n-XX\n\r\n--XX--\r\nan epilogue',
);
const parts = [
  { name: 'purpose', filename: null, text: 'batch' },
  { name: 'file', filename: 'ü.jsonl', text: '{"a":1}\r\n--X\r\n-XX\n' },
];

interface Read {
  readonly parts: readonly { readonly name: string; readonly filename: string | null; readonly text: string }[];
  readonly complete: boolean;
}

function read(chunks: readonly Buffer[], contentType = type): Read {
  const reader = new MultipartReader(contentType);
  const found: { name: string; filename: string | null; text: string }[] = [];
  for (const piece of chunks.flatMap((chunk) => reader.push(chunk))) {
    const last = found.at(-1);
    if (piece.kind === 'part') found.push({ ...piece.head, text: '' });
    else if (piece.kind === 'data' && last !== undefined) last.text += piece.bytes.toString();
  }
  return { parts: found, complete: reader.complete };
}

suite('a form that arrives', () => {
  test('is the same wherever it is cut', () => {
    for (let cut = 0; cut <= form.length; cut += 1)
      assert.deepEqual(read([form.subarray(0, cut), form.subarray(cut)]), { parts, complete: true }, `cut at ${cut}`);
    assert.deepEqual(read([...form].map((byte) => Buffer.from([byte]))), { parts, complete: true });
  });

  test('is not complete without its closing boundary', () => {
    const end = form.indexOf('--XX--');
    for (let cut = 0; cut < end + 5; cut += 1) assert.equal(read([form.subarray(0, cut)]).complete, false);
  });

  test('may have its boundary in quotes', () => {
    assert.deepEqual(read([form], 'Multipart/Form-Data; charset=utf-8; boundary="XX"').parts, parts);
  });

  test('may name its parts without quotes, as .NET does', () => {
    const head = "Content-Disposition: form-data; name=file; filename=in.jsonl; filename*=utf-8''in.jsonl";
    const bare = Buffer.from(`--XX\r\n${head}\r\n\r\nx\r\n--XX--`);
    assert.deepEqual(read([bare]).parts, [{ name: 'file', filename: 'in.jsonl', text: 'x' }]);
  });

  const wrong: readonly (readonly [string, string, string])[] = [
    ['no form', 'application/json', ''],
    ['no boundary', 'multipart/form-data', ''],
    ['something else behind a boundary', type, '--XX!\r\n'],
    ['a part that says nothing of itself', type, '--XX\r\nx: y\r\n\r\n'],
    ['a part with two names', type, '--XX\r\ncontent-disposition: form-data; name=a; name="b"\r\n\r\n'],
    ['an endless head', type, `--XX\r\n${'x'.repeat(9000)}`],
  ];
  for (const [name, contentType, text] of wrong)
    test(`is refused: ${name}`, () => {
      assert.throws(() => read([Buffer.from(text)], contentType), Failure);
    });
});
