import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, verify } from 'node:crypto';
import { suite, test } from 'node:test';
import { canonicalJson } from '@tollgate/contract/export-signature.ts';
import { signerOf } from '#adapters/secret-files/export-key.ts';
import { exportRequest } from '../../../test/support/export-request.ts';
import type { ExportPiece } from './export-service.ts';
import { MadeExports } from './made-exports.ts';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const sha256Of = (text: string): string => createHash('sha256').update(text).digest('hex');

interface Made {
  readonly exports: MadeExports;
  readonly closed: readonly string[];
}

/** A worker that has opened these texts under their numbers, each in two pieces; or that breaks down behind so many of them. */
function exportsOf(texts: readonly string[], { pieces = 3 }: { readonly pieces?: number } = {}): Made {
  const closed: string[] = [];
  const open = new Map<string, ExportPiece[]>();
  for (const [index, text] of texts.entries()) {
    const half = Math.ceil(text.length / 2);
    const all: readonly ExportPiece[] = [
      { kind: 'bytes', bytes: Buffer.from(text.slice(0, half)) },
      { kind: 'bytes', bytes: Buffer.from(text.slice(half)) },
      {
        kind: 'end',
        summary: { rows: 2, totals: { cost: 12n, list: 34n, internal: 5n }, unsettled: 6 },
        bytes: text.length,
        sha256: sha256Of(text),
      },
    ];
    open.set(String(index), all.slice(0, pieces));
  }
  const remote = {
    async read(id: string) {
      const piece = open.get(id)?.shift();
      if (piece === undefined) throw new Error('The worker was started anew.');
      return await Promise.resolve(piece);
    },
    async close(id: string) {
      await Promise.resolve(closed.push(id));
    },
  };
  return { exports: new MadeExports(remote, signerOf(privateKey)), closed };
}

async function textOf(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all).toString();
}

const request = exportRequest({ kind: 'focus', filterTexts: ['cost-centre=contoso/sales'] });

suite('exports as they are handed out', () => {
  test('are signed with everything that they say', async () => {
    const { exports } = exportsOf(['one file']);
    assert.equal(await textOf((await exports.hand('0', request)).pieces), 'one file');
    const signature = exports.signature(sha256Of('one file'));
    assert.ok(signature !== undefined);
    assert.deepEqual(signature.signed, {
      format: 'tollgate-export-1',
      kind: 'focus',
      organisation: 'contoso',
      from: new Date(request.period.from).toISOString(),
      to: new Date(request.period.to).toISOString(),
      timeZone: request.facts.timeZone,
      filter: ['cost-centre=contoso/sales'],
      profile: 'provider',
      rows: 2,
      totals: { costNanoUsd: '12', listNanoUsd: '34', internalNanoUsd: '5' },
      unsettled: 6,
      madeAt: new Date(request.madeAt).toISOString(),
      madeBy: 'Tollgate test',
      bytes: 8,
      sha256: sha256Of('one file'),
    });
    assert.equal(signature.keyId, exports.key().keyId);
    const bytes = Buffer.from(canonicalJson(signature.signed));
    assert.equal(verify(null, bytes, publicKey, Buffer.from(signature.signature, 'base64')), true);
  });

  test('are not signed before they have been read to their end, and nothing else is', async () => {
    const { exports, closed } = exportsOf(['one file']);
    const pieces = (await exports.hand('0', request)).pieces[Symbol.asyncIterator]();
    await pieces.next();
    assert.equal(exports.signature(sha256Of('one file')), undefined);
    await pieces.return?.();
    assert.equal(exports.signature(sha256Of('one file')), undefined);
    assert.equal(exports.signature(sha256Of('another file')), undefined);
    assert.deepEqual(closed, ['0']);
  });

  test('fail where the worker fails, and are not signed then', async () => {
    const { exports, closed } = exportsOf(['one file'], { pieces: 1 });
    const { pieces } = await exports.hand('0', request);
    await assert.rejects(textOf(pieces), /The worker was started anew/);
    assert.equal(exports.signature(sha256Of('one file')), undefined);
    assert.deepEqual(closed, ['0']);
  });

  test('can be signed as long as they are among the last 256', async () => {
    const texts = Array.from({ length: 257 }, (_one, index) => `file ${index}`);
    const { exports } = exportsOf(texts);
    for (const [index, text] of texts.entries())
      assert.equal(await textOf((await exports.hand(String(index), request)).pieces), text);
    assert.equal(exports.signature(sha256Of('file 0')), undefined);
    assert.ok(exports.signature(sha256Of('file 1')) !== undefined);
    assert.ok(exports.signature(sha256Of('file 256')) !== undefined);
  });
});
