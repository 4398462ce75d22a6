import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { suite, test, type TestContext } from 'node:test';
import { Failure } from '#kernel/errors.ts';
import { adminTestToken, noExports, startAdmin, type RunningAdmin } from '../../test/support/start-admin.ts';
import type { Exports } from './ports.ts';
import { untilLogged } from '../../test/support/logged.ts';

interface Wanted {
  readonly kind: string;
  readonly asked: object;
}

interface Fake {
  readonly admin: RunningAdmin;
  readonly wanted: readonly Wanted[];
  /** Resolves when a reader has gone away before the end. */
  readonly left: Promise<void>;
}

/** An admin API whose exports are these pieces; an endless one goes on until nobody reads. */
async function serving(
  t: TestContext,
  pieces: readonly string[],
  options: { endless?: boolean; breaks?: boolean } = {},
) {
  const wanted: Wanted[] = [];
  const left = Promise.withResolvers<void>();
  async function* produced(): AsyncGenerator<Uint8Array> {
    let ended = false;
    try {
      for (const piece of pieces) yield await Promise.resolve(Buffer.from(piece));
      while (options.endless === true) yield await Promise.resolve(Buffer.alloc(65_536, 'x'));
      if (options.breaks === true) throw new Error('The worker is gone.');
      ended = true;
    } finally {
      if (!ended) left.resolve();
    }
  }
  const exports: Exports = {
    ...noExports,
    async make(kind, asked) {
      wanted.push({ kind, asked: { ...asked } });
      return await Promise.resolve({ fileName: 'a.csv', contentType: 'text/csv; charset=utf-8', pieces: produced() });
    },
  };
  const admin = await startAdmin({ overrides: { exports } });
  t.after(async () => await admin.close());
  return { admin, wanted, left: left.promise } satisfies Fake;
}

async function opened({ admin }: Fake, path: string): Promise<IncomingMessage> {
  const request = get({
    port: admin.port,
    host: '127.0.0.1',
    path,
    agent: false,
    headers: { authorization: `Bearer ${adminTestToken}` },
  });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return response;
}

async function bodyOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of response) text += String(piece);
  return text;
}

suite('files over the admin API', () => {
  test('are sent as they are made, under a name of their own', async (t) => {
    const fake = await serving(t, ['one,', 'two\r\n']);
    const response = await opened(fake, '/admin/v1/exports/csv?month=2026-11');
    assert.equal(response.statusCode, 200);
    assert.equal(response.headers['content-type'], 'text/csv; charset=utf-8');
    assert.equal(response.headers['content-disposition'], 'attachment; filename="a.csv"');
    assert.equal(response.headers['cache-control'], 'no-store');
    assert.match(String(response.headers['content-security-policy']), /^sandbox; default-src 'none'/);
    assert.equal(await bodyOf(response), 'one,two\r\n');
  });

  for (const [path, kind, asked] of [
    [
      'focus?from=2026-11-01&to=2026-11-08&filter=consumer%3Dweb&filter=model%3Dgpt-5&waitMs=0',
      'focus',
      { from: '2026-11-01', to: '2026-11-08', filter: ['consumer=web', 'model=gpt-5'], waitMs: '0' },
    ],
    ['json?month=2026-11&filter=consumer%3Dweb', 'json', { month: '2026-11', filter: 'consumer=web' }],
    ['statement?month=2026-11&costCentre=sales', 'statement', { month: '2026-11', costCentre: 'sales' }],
    ['csv?nonsense=1', 'csv', { nonsense: '1' }],
  ] as const)
    test(`are asked for as they stand: ${path}`, async (t) => {
      const fake = await serving(t, ['x']);
      await bodyOf(await opened(fake, `/admin/v1/exports/${path}`));
      assert.deepEqual(fake.wanted, [{ kind, asked: { ...asked } }]);
    });

  test('are not made any further once nobody reads', async (t) => {
    const fake = await serving(t, ['one'], { endless: true });
    const response = await opened(fake, '/admin/v1/exports/csv?month=2026-11');
    await once(response, 'readable');
    response.destroy();
    await fake.left;
  });

  test('break off, and do not seem whole, where the making fails', async (t) => {
    const fake = await serving(t, ['one'], { breaks: true });
    const response = await opened(fake, '/admin/v1/exports/csv?month=2026-11');
    await assert.rejects(bodyOf(response), /aborted/);
    assert.equal(response.complete, false);
    await untilLogged(fake.admin, /The worker is gone/);
  });

  test('are refused with everything that is wrong', async (t) => {
    const problems = ['month: no month.', 'filter: no such thing.'];
    const exports: Exports = {
      ...noExports,
      make: () => Promise.reject(new Failure('admin_invalid', 'It cannot be made.', { details: problems })),
    };
    const admin = await startAdmin({ overrides: { exports } });
    t.after(async () => await admin.close());
    const { status, body } = await admin.call('GET', '/admin/v1/exports/csv');
    assert.equal(status, 400);
    const { error } = body as { error: { code: string; details: string[] } };
    assert.deepEqual([error.code, error.details], ['admin_invalid', problems]);
  });

  test('are signed where they were made lately, and not otherwise', async (t) => {
    const admin = await startAdmin();
    t.after(async () => await admin.close());
    const unknown = await admin.call('GET', `/admin/v1/exports/signature?sha256=${'0'.repeat(64)}`);
    assert.equal(unknown.status, 404);
    const wrong = await admin.call('GET', '/admin/v1/exports/signature?sha256=xyz');
    assert.equal(wrong.status, 400);
    const key = await admin.call('GET', '/admin/v1/exports/key');
    assert.deepEqual(key.body, noExports.key());
  });
});
