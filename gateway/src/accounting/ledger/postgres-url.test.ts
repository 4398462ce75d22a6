import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readPostgresUrl, type PostgresUrl } from './postgres-url.ts';

const plain: PostgresUrl = {
  host: 'db.contoso.net',
  port: 5432,
  user: 'tollgate',
  password: 'secret',
  database: 'ledger',
  tls: null,
};

const readable: readonly (readonly [text: string, url: PostgresUrl])[] = [
  ['postgres://tollgate:secret@db.contoso.net/ledger', plain],
  ['postgresql://tollgate:secret@db.contoso.net:6432/ledger', { ...plain, port: 6432 }],
  ['postgres://tollgate@db.contoso.net/ledger', { ...plain, password: null }],
  ['postgres://tollgate:p%40ss%2Fw%25rd@db.contoso.net/ledger', { ...plain, password: 'p@ss/w%rd' }],
  ['postgres://tollgate:100%@db.contoso.net/ledger', { ...plain, password: '100%' }],
  ['postgres://tollgate:secret@[::1]:5433/ledger', { ...plain, host: '::1', port: 5433 }],
  ['postgres://tollgate:secret@db.contoso.net/ledger?sslmode=require', { ...plain, tls: 'encrypt' }],
  ['postgres://tollgate:secret@db.contoso.net/ledger?sslmode=verify-full', { ...plain, tls: 'verify' }],
  ['postgres://tollgate:secret@db.contoso.net/ledger?sslmode=disable', { ...plain, tls: 'off' }],
  [
    'postgres://tollgate:secret@/ledger?host=/run/postgresql&port=5433',
    { ...plain, host: '/run/postgresql', port: 5433 },
  ],
];
for (const [text, url] of readable)
  test(`reads ${text}`, () => {
    assert.deepEqual(readPostgresUrl(text), { ok: true, url });
  });

const unreadable: readonly (readonly [text: string, problems: readonly RegExp[]])[] = [
  ['', [/expected the URL of a database/]],
  ['db.contoso.net', [/expected the URL of a database/]],
  ['mysql://tollgate@db/ledger', [/expected the URL of a database/]],
  ['postgres://tollgate@one,two/ledger', [/several hosts/]],
  ['postgres://tollgate:secret@/ledger', [/no host/]],
  ['postgres://db.contoso.net', [/no user/, /no database/]],
  ['postgres://tollgate@db.contoso.net/a/b', [/no database/]],
  [
    'postgres://tollgate@db/ledger?sslmode=maybe&connect_timeout=10',
    [/sslmode is unknown; expected one of disable, /, /'connect_timeout' is not understood/],
  ],
  ['postgres://tollgate@/ledger?host=/run&port=many', [/no number from 1/]],
];
for (const [text, problems] of unreadable)
  test(`says everything that is wrong with '${text}', and shows nothing of it`, () => {
    const read = readPostgresUrl(text);
    assert.ok(!read.ok);
    assert.equal(read.problems.length, problems.length, read.problems.join('; '));
    for (const [at, problem] of problems.entries()) assert.match(read.problems[at] ?? '', problem);
    assert.doesNotMatch(read.problems.join(' '), /tollgate|secret|contoso/);
  });
