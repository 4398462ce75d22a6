import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { focusHeader } from '@tollgate/contract/focus/schema.ts';
import {
  canonicalJson,
  exportKeySchema,
  exportSignatureSchema,
  type ExportSignature,
  type ExportStatement,
} from '@tollgate/contract/export-signature.ts';
import {
  fakeGateway,
  file,
  promised,
  refused,
  temporaryFolder,
  type Answer,
  type Routes,
} from '../../../test/support/fake-gateway.ts';
import { runCli, type Ran } from '../../../test/support/run-cli.ts';

const pieces = ['consumer,costUsd\r\n', 'web,0.000000', '123\r\n'];
const content = pieces.join('');
const sha256Of = (text: string): string => createHash('sha256').update(text).digest('hex');

function keyPair(): { readonly publicKey: string; readonly keyId: string; readonly sign: (text: string) => string } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const der = publicKey.export({ type: 'spki', format: 'der' });
  return {
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }),
    keyId: createHash('sha256').update(der).digest('hex').slice(0, 32),
    sign: (text) => sign(null, Buffer.from(text), privateKey).toString('base64'),
  };
}
const own = keyPair();
const other = keyPair();

function signatureOf(text: string, changes: Partial<ExportStatement> = {}, key = own): ExportSignature {
  const signed: ExportStatement = {
    format: 'tollgate-export-1',
    kind: 'csv',
    organisation: 'contoso',
    from: '2026-10-31T23:00:00.000Z',
    to: '2026-11-30T23:00:00.000Z',
    timeZone: 'Europe/Amsterdam',
    filter: ['cost-centre=contoso/sales'],
    profile: null,
    rows: 1,
    totals: { costNanoUsd: '123', listNanoUsd: '456', internalNanoUsd: null },
    unsettled: 0,
    madeAt: '2026-12-01T08:30:00.000Z',
    madeBy: 'Tollgate 0.1.0',
    bytes: Buffer.byteLength(text),
    sha256: sha256Of(text),
    ...changes,
  };
  return { algorithm: 'Ed25519', keyId: key.keyId, signature: key.sign(canonicalJson(signed)), signed };
}

const exporting = (answer: Answer, signature = signatureOf(content)): Routes => ({
  'GET exports/csv': answer,
  'GET exports/signature': ({ query }) =>
    query['sha256'] === signature.signed.sha256
      ? promised(exportSignatureSchema, signature)
      : refused(404, { code: 'admin_not_found', message: 'No such export.', id: 'id-5' }),
});

const whole = file('charges-2026-11.csv', pieces);
const november = ['--month', '2026-11'] as const;

suite('an export', () => {
  test('goes to standard output as it comes', async (t) => {
    const gateway = await fakeGateway(t, exporting(whole));
    const { status, out, err } = await runCli(['export', 'csv', ...november], gateway.environment);
    assert.deepEqual([status, out, err], [0, content, '']);
  });

  test('asks for what the options say', async (t) => {
    const gateway = await fakeGateway(t, { 'GET exports/focus': whole });
    const options = ['--from', '2026-11-01', '--to', '2026-11-08', '--profile', 'internal-invoice', '--wait', '0.5'];
    const filters = ['--cost-centre', 'sales', '--filter', 'model=gpt-5-mini', '--filter', 'model=gpt-5'];
    await runCli(['export', 'focus', ...options, ...filters], gateway.environment);
    const [asked] = gateway.asked;
    assert.ok(asked !== undefined);
    const { query, queries } = asked;
    assert.deepEqual(queries.getAll('filter'), ['cost-centre=sales', 'model=gpt-5-mini', 'model=gpt-5']);
    assert.deepEqual(
      [query['from'], query['to'], query['month'], query['profile'], query['waitMs']],
      ['2026-11-01', '2026-11-08', undefined, 'internal-invoice', '500'],
    );
  });

  test('is a file when it is whole, with its totals told', async (t) => {
    const gateway = await fakeGateway(t, exporting(whole));
    const out = path.join(temporaryFolder(t), 'november.csv');
    const ran = await runCli(['export', 'csv', ...november, '--out', out], gateway.environment);
    assert.equal(ran.status, 0);
    assert.equal(readFileSync(out, 'utf8'), content);
    assert.match(ran.out, /november\.csv: 1 rows, 35 B\n {2}cost 0\.000000123 USD, at list prices 0\.000000456 USD\n$/);
    assert.deepEqual(readdirSync(path.dirname(out)), ['november.csv']);
  });

  test('takes the name that the gateway gives it, where a folder is named', async (t) => {
    const gateway = await fakeGateway(t, exporting(whole));
    const folder = temporaryFolder(t);
    await runCli(['export', 'csv', ...november, '--out', folder, '--sign'], gateway.environment);
    assert.deepEqual(readdirSync(folder).toSorted(), ['charges-2026-11.csv', 'charges-2026-11.csv.sig.json']);
  });

  test('tells as JSON what was written', async (t) => {
    const gateway = await fakeGateway(t, exporting(whole));
    const out = path.join(temporaryFolder(t), 'november.csv');
    const ran = await runCli(['export', 'csv', ...november, '--out', out, '--sign', '--json'], gateway.environment);
    const told = JSON.parse(ran.out) as Record<string, unknown>;
    const { file: written, signatureFile, keyId, ...signed } = told;
    assert.deepEqual([written, signatureFile, keyId], [out, `${out}.sig.json`, own.keyId]);
    assert.deepEqual(signed, signatureOf(content).signed);
  });

  test('leaves nothing behind, and what was there as it was, where the connection breaks off', async (t) => {
    const gateway = await fakeGateway(t, exporting(file('x.csv', pieces, true)));
    const out = path.join(temporaryFolder(t), 'november.csv');
    writeFileSync(out, 'as it was');
    const ran = await runCli(['export', 'csv', ...november, '--out', out, '--sign'], gateway.environment);
    assert.equal(ran.status, 1);
    assert.match(ran.err, /broke off/);
    assert.equal(readFileSync(out, 'utf8'), 'as it was');
    assert.deepEqual(readdirSync(path.dirname(out)), ['november.csv']);
  });

  test('leaves nothing behind where it cannot be signed', async (t) => {
    const gateway = await fakeGateway(t, exporting(whole, signatureOf('something else')));
    const out = path.join(temporaryFolder(t), 'november.csv');
    const ran = await runCli(['export', 'csv', ...november, '--out', out, '--sign'], gateway.environment);
    assert.equal(ran.status, 1);
    assert.match(ran.err, /No such export/);
    assert.deepEqual(readdirSync(path.dirname(out)), []);
  });

  for (const [what, target, words] of [
    ['whose folder is missing', (folder: string) => path.join(folder, 'nope', 'x.csv'), /its folder does not exist/],
    [
      'below a file',
      (folder: string) => {
        writeFileSync(path.join(folder, 'a-file'), '');
        return path.join(folder, 'a-file', 'x.csv');
      },
      /its folder is no folder/,
    ],
    [
      'where its signature would be a folder',
      (folder: string) => {
        mkdirSync(path.join(folder, 'x.csv.sig.json', 'full'), { recursive: true });
        return path.join(folder, 'x.csv');
      },
      /x\.csv\.sig\.json cannot be written/,
    ],
  ] as const)
    test(`says why it cannot be written: a path ${what}`, async (t) => {
      const gateway = await fakeGateway(t, exporting(whole));
      const out = target(temporaryFolder(t));
      const ran = await runCli(['export', 'csv', ...november, '--out', out, '--sign'], gateway.environment);
      assert.equal(ran.status, 1);
      assert.match(ran.err, words);
      assert.match(ran.err, /Nothing was written\./);
      assert.equal(existsSync(out), false);
    });

  test('says what had not reached the store, and that an older signature does not belong to it', async (t) => {
    const gateway = await fakeGateway(t, exporting(whole, signatureOf(content, { unsettled: 1200 })));
    const out = path.join(temporaryFolder(t), 'november.csv');
    writeFileSync(`${out}.sig.json`, 'older');
    const { status, err } = await runCli(['export', 'csv', ...november, '--out', out], gateway.environment);
    assert.equal(status, 0);
    assert.match(err, /1,200 settled calls are not in it yet/);
    assert.match(err, /november\.csv\.sig\.json is the signature of an earlier file/);
  });

  for (const [args, words] of [
    [['export', 'focus'], /Say which time/],
    [['export', 'csv', '--from', '2026-11-01'], /Say which time/],
    [['export', 'csv', ...november, '--sign'], /--sign needs --out/],
    [['export', 'csv', ...november, '--json'], /--json needs --out/],
    [['export', 'statement'], /--month/],
    [['export', 'csv', ...november, '--wait', 'long'], /--wait takes 0 to 60 seconds/],
  ] as const)
    test(`is refused before anybody is asked: ${args.join(' ')}`, async () => {
      const { status, err } = await runCli(args);
      assert.equal(status, 2);
      assert.match(err, words);
    });

  test('shows everything that the gateway finds wrong', async (t) => {
    const gateway = await fakeGateway(t, {
      'GET exports/csv': refused(400, {
        code: 'admin_invalid',
        message: 'The export cannot be made as it is asked for.',
        id: 'id-7',
        details: ['month: no month.', 'filter: no such cost centre.'],
      }),
    });
    const { status, err } = await runCli(['export', 'csv', '--month', '2026-13'], gateway.environment);
    assert.equal(status, 1);
    assert.match(err, /- month: no month\.\n {2}- filter: no such cost centre\./);
  });

  test('a statement is asked for a cost centre and a month, as a page or as its lines', async (t) => {
    const gateway = await fakeGateway(t, { 'GET exports/statement': file('statement.html', ['<!doctype html>']) });
    const options = ['--cost-centre', 'sales', ...november];
    const page = await runCli(['export', 'statement', ...options], gateway.environment);
    await runCli(['export', 'statement', ...options, '--format', 'csv'], gateway.environment);
    assert.equal(page.out, '<!doctype html>');
    assert.deepEqual(
      gateway.asked.map(({ query }) => query),
      ['html', 'csv'].map((format) => ({ month: '2026-11', costCentre: 'sales', format, waitMs: '5000' })),
    );
  });
});

interface Signed {
  readonly file: string;
  readonly key: string;
}

function signedFile(t: TestContext, signature = signatureOf(content)): Signed {
  const folder = temporaryFolder(t);
  const signed = path.join(folder, 'november.csv');
  writeFileSync(signed, content);
  writeFileSync(`${signed}.sig.json`, JSON.stringify(signature));
  const key = path.join(folder, 'key.pem');
  writeFileSync(key, own.publicKey);
  return { file: signed, key };
}

suite('the verification of an export', () => {
  test('needs the public key alone, and tells what was signed', async (t) => {
    const { file: signed, key } = signedFile(t);
    const { status, out } = await runCli(['export', 'verify', signed, '--key', key]);
    assert.equal(status, 0);
    assert.match(out, new RegExp(`november\\.csv is what was signed with key ${own.keyId}\\.`));
    assert.match(out, /filter: cost-centre=contoso\/sales/);
    assert.match(out, /cost: {3}0\.000000123 USD/);
    const json = await runCli(['export', 'verify', signed, '--key', key, '--json']);
    assert.deepEqual(JSON.parse(json.out), {
      ok: true,
      file: signed,
      keyId: own.keyId,
      ...signatureOf(content).signed,
    });
  });

  test('asks the running gateway where no key is given', async (t) => {
    const gateway = await fakeGateway(t, {
      'GET exports/key': promised(exportKeySchema, { keyId: own.keyId, publicKey: own.publicKey }),
    });
    const { status } = await runCli(['export', 'verify', signedFile(t).file], gateway.environment);
    assert.equal(status, 0);
  });

  test('finds every single byte that was changed', async (t) => {
    const { file: signed, key } = signedFile(t);
    for (let at = 0; at < content.length; at += 1) {
      const bytes = Buffer.from(content);
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      writeFileSync(signed, bytes);
      const { status, err } = await runCli(['export', 'verify', signed, '--key', key]);
      assert.equal(status, 1, `byte ${at}`);
      assert.match(
        err,
        /was changed after it was signed\. It has the 35 bytes that were signed, but not the same ones/,
      );
    }
  });

  for (const [what, spoil, words] of [
    [
      'a file that is shorter',
      ({ file: signed }: Signed) => writeFileSync(signed, content.slice(1)),
      /It has 34 bytes; 35 were signed/,
    ],
    [
      'a sum that was changed in the signature',
      ({ file: signed }: Signed) => {
        const { signed: statement, ...rest } = signatureOf(content);
        const totals = { ...statement.totals, costNanoUsd: '122' };
        writeFileSync(`${signed}.sig.json`, JSON.stringify({ ...rest, signed: { ...statement, totals } }));
      },
      /The signature is not genuine/,
    ],
    [
      'a signature by another key under the name of the first',
      ({ file: signed }: Signed) =>
        writeFileSync(`${signed}.sig.json`, JSON.stringify({ ...signatureOf(content, {}, other), keyId: own.keyId })),
      /The signature is not genuine/,
    ],
    [
      'a signature by another key',
      ({ file: signed }: Signed) =>
        writeFileSync(`${signed}.sig.json`, JSON.stringify(signatureOf(content, {}, other))),
      new RegExp(`names another key: ${other.keyId}\\. That of .*key\\.pem is ${own.keyId}`),
    ],
    [
      'something that is no signature',
      ({ file: signed }: Signed) => writeFileSync(`${signed}.sig.json`, '{"algorithm":"none"}'),
      /is no signature of an export \(algorithm: .*; keyId: .*; signature: .*; signed: /,
    ],
    [
      'a signature that was cut off, and says so without the words of a schema',
      ({ file: signed }: Signed) => writeFileSync(`${signed}.sig.json`, '{"algorithm":"Ed25519",'),
      /is no signature of an export \(it is no JSON\)/,
    ],
    [
      'something that is no key',
      ({ key }: Signed) => writeFileSync(key, 'no key'),
      /key\.pem is no public key \(Ed25519, PEM\)/,
    ],
  ] as const)
    test(`finds ${what}`, async (t) => {
      const signed = signedFile(t);
      spoil(signed);
      const { status, err, out } = await runCli(['export', 'verify', signed.file, '--key', signed.key]);
      assert.deepEqual([status, out], [1, '']);
      assert.match(err, words);
    });

  test('says which file is missing', async (t) => {
    const folder = temporaryFolder(t);
    const nothing = path.join(folder, 'nothing.csv');
    const { file: signed, key } = signedFile(t);
    for (const [args, words] of [
      [[nothing, '--key', key], /There is no signature: .*nothing\.csv\.sig\.json does not exist/],
      [[nothing, '--key', key, '--signature', `${signed}.sig.json`], /nothing\.csv does not exist/],
      [[signed, '--key', nothing], /There is no key: .*nothing\.csv does not exist/],
    ] as const) {
      const { status, err } = await runCli(['export', 'verify', ...args]);
      assert.equal(status, 1);
      assert.match(err, words);
    }
  });

  test('takes the public key that the gateway prints', async (t) => {
    const gateway = await fakeGateway(t, {
      'GET exports/key': promised(exportKeySchema, { keyId: own.keyId, publicKey: own.publicKey }),
    });
    const { out, err } = await runCli(['export', 'key'], gateway.environment);
    assert.equal(out, own.publicKey);
    assert.equal(err, `key id: ${own.keyId}\n`);
    const json = await runCli(['export', 'key', '--json'], gateway.environment);
    assert.deepEqual(JSON.parse(json.out), { keyId: own.keyId, publicKey: own.publicKey });
  });
});

async function checked(t: TestContext, text: string, ...options: readonly string[]): Promise<Ran> {
  const target = path.join(temporaryFolder(t), 'focus.csv');
  writeFileSync(target, text);
  return await runCli(['export', 'check', target, ...options]);
}

suite('the check of a FOCUS file', () => {
  test('finds nothing wrong with a header alone', async (t) => {
    const { status, out } = await checked(t, `${focusHeader.join(',')}\r\n`);
    assert.equal(status, 0);
    assert.match(out, /keeps the rules of .* 1\.4: 0 rows, nothing is wrong/);
  });

  test('exits 1 with every problem, its line, and where the rule stands', async (t) => {
    const { status, out } = await checked(t, 'BilledCost,Nonsense\r\nabc,1\r\n');
    assert.equal(status, 1);
    assert.match(out, /^line 1, Nonsense: FOCUS has no such column/m);
    assert.match(out, /^line 1, EffectiveCost: the column is mandatory, and missing \(/m);
    assert.match(out, /^line 2, BilledCost: /m);
  });

  for (const [what, text, words] of [
    ['an empty file', '', /the file is empty/],
    ['a quote that is never closed', `${focusHeader.join(',')}\r\n"abc`, /end: a quote is never closed/],
  ] as const)
    test(`finds ${what}`, async (t) => {
      const { status, out } = await checked(t, text);
      assert.equal(status, 1);
      assert.match(out, words);
    });

  test('is JSON for programs, with exact sums', async (t) => {
    const { out } = await checked(t, `${focusHeader.join(',')}\r\n`, '--json');
    const { rows, problemCount, sums } = JSON.parse(out) as Record<string, unknown>;
    assert.deepEqual(
      [rows, problemCount, sums],
      [0, 0, { BilledCost: '0.00', ContractedCost: '0.00', EffectiveCost: '0.00', ListCost: '0.00' }],
    );
  });

  test('says that a file is missing', async () => {
    const { status, err } = await runCli(['export', 'check', '/nowhere/focus.csv']);
    assert.equal(status, 1);
    assert.match(err, /focus\.csv does not exist/);
  });
});
