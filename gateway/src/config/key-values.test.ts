import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { documentOf } from './key-values.ts';
import type { KeyValue } from './ports.ts';
import { placeKey } from './yaml-tree.ts';

const store = 'contoso.azconfig.io';
const yaml = (key: string, value: string, label: string | null = null): KeyValue => ({
  key,
  label,
  value,
  contentType: '',
});
const reference = (key: string, value: string): KeyValue => ({
  key,
  label: null,
  value,
  contentType: 'application/vnd.microsoft.appconfig.keyvaultref+json;charset=utf-8',
});
const flag = (id: string, enabled: boolean, more: object = {}): KeyValue => ({
  key: `.appconfig.featureflag/${id}`,
  label: null,
  value: JSON.stringify({ id, enabled, conditions: { client_filters: [] }, ...more }),
  contentType: 'application/vnd.microsoft.appconfig.ff+json;charset=utf-8',
});

/** The document as plain JSON. */
const plain = (...keyValues: readonly KeyValue[]): unknown =>
  JSON.parse(JSON.stringify(documentOf(keyValues, store).value ?? null));
const said = (...keyValues: readonly KeyValue[]): readonly string[] =>
  documentOf(keyValues, store).problems.map(
    ({ file, position, message, severity = 'error' }) =>
      `${file}:${position.line}:${position.column} ${severity}: ${message}`,
  );

suite('a configuration in key values', () => {
  test('is one key with all of it, as JSON or YAML', () => {
    const expected = { organisation: 'contoso', endpoints: { weu: { drain: false } } };
    assert.deepEqual(plain(yaml('tollgate', JSON.stringify(expected))), expected);
    assert.deepEqual(
      plain(yaml('tollgate', 'organisation: contoso\nendpoints: { weu: { drain: false } }\n')),
      expected,
    );
  });

  test('or a key a section, an entry, a value, each put into what stands above it, in whatever order', () => {
    assert.deepEqual(
      plain(
        yaml('tollgate:endpoints:gpt-5.4:drain', 'true'),
        yaml('tollgate:endpoints', 'swc: { region: swedencentral }'),
        yaml('tollgate', 'organisation: contoso'),
        yaml('tollgate:endpoints:gpt-5.4', 'region: westeurope'),
        yaml('tollgate:timeZone', 'Europe/Amsterdam'),
      ),
      {
        organisation: 'contoso',
        timeZone: 'Europe/Amsterdam',
        endpoints: { swc: { region: 'swedencentral' }, 'gpt-5.4': { region: 'westeurope', drain: true } },
      },
    );
  });

  test('a label says what is different: its keys go before those without one, key by key', () => {
    const both = [
      yaml('tollgate', 'organisation: contoso'),
      yaml('tollgate:log', 'level: info'),
      yaml('tollgate:log', 'level: debug', 'prod'),
    ];
    const expected = { organisation: 'contoso', log: { level: 'debug' } };
    assert.deepEqual(plain(...both), expected);
    assert.deepEqual(plain(...both.toReversed()), expected);
  });

  test('a reference to Key Vault is what stands for one in a file', () => {
    const uri = 'https://contoso.vault.azure.net/secrets/a';
    assert.deepEqual(plain(reference('tollgate:endpoints:weu:auth:key', JSON.stringify({ uri }))), {
      endpoints: { weu: { auth: { key: { keyVault: uri } } } },
    });
  });

  test('every place knows its key, and where in that it stands', () => {
    const { places } = documentOf([yaml('tollgate:endpoints:weu', '\nregion: westeurope\n', 'prod')], store);
    assert.deepEqual(places.get(placeKey(['endpoints', 'weu', 'region'])), {
      file: 'contoso.azconfig.io/tollgate:endpoints:weu@prod',
      key: { line: 2, column: 1 },
      value: { line: 2, column: 9 },
    });
  });

  test('keys of others, and the one that only says when to look, are no part of it', () => {
    assert.deepEqual(
      plain(yaml('tollgate', 'a: 1'), yaml('tollgate:sentinel', '7'), yaml('tollgates', 'b: 2'), yaml('other', 'c: 3')),
      { a: 1 },
    );
  });
});

suite('what is wrong with key values is all told, by key', () => {
  for (const [what, keyValues, expected] of [
    [
      'broken YAML, twice',
      [yaml('tollgate', 'a: ['), yaml('tollgate:b', '\tx: 1', 'prod')],
      [
        /^contoso\.azconfig\.io\/tollgate:1:\d+ error: not valid YAML/,
        /^contoso\.azconfig\.io\/tollgate:b@prod:1:1 error: a tab/,
      ],
    ],
    [
      'a value twice',
      [yaml('tollgate', 'log: { level: info }'), yaml('tollgate:log', 'level: debug')],
      [/tollgate:log:1:1 error: the same stands in contoso\.azconfig\.io\/tollgate$/],
    ],
    [
      'a key under what is no map',
      [yaml('tollgate:log', 'debug'), yaml('tollgate:log:level', 'info')],
      [/above it stands a value that is no map, at log/],
    ],
    ['all of it as no map', [yaml('tollgate', '[1]')], [/must be a map of settings/]],
    ['a key with an empty part', [yaml('tollgate::a', '1')], [/a part of this key is no name/]],
    [
      'a key that would change every object',
      [yaml('tollgate:__proto__:drain', 'true')],
      [/a part of this key is no name/],
    ],
    ['a reference that is none', [reference('tollgate:a', '{"url": "x"}')], [/no reference to Key Vault/]],
  ] as const)
    test(what, () => {
      const problems = said(...keyValues);
      assert.equal(problems.length, expected.length, problems.join('\n'));
      expected.forEach((one, at) => assert.match(problems[at] ?? '', one));
      assert.equal(documentOf(keyValues, store).value, undefined);
    });
});

suite('a feature flag', () => {
  const base = yaml('tollgate', 'endpoints: { gpt-5.4: { region: weu } }\nsubscriptions: { web: { product: a } }');

  test('that is off takes an endpoint out of service, or suspends a subscription', () => {
    assert.deepEqual(
      plain(base, flag('tollgate.endpoints.gpt-5.4', false), flag('tollgate.subscriptions.web', false)),
      {
        endpoints: { 'gpt-5.4': { region: 'weu', drain: true } },
        subscriptions: { web: { product: 'a', suspended: true } },
      },
    );
  });

  test('that is on changes nothing, whatever the document says', () => {
    const drained = yaml('tollgate:endpoints:swc', 'drain: true');
    assert.deepEqual(
      plain(base, drained, flag('tollgate.endpoints.gpt-5.4', true), flag('tollgate.endpoints.swc', true)),
      plain(base, drained),
    );
  });

  test('that names nobody is a warning; one with filters, or that is none, an error', () => {
    for (const [one, expected] of [
      [flag('tollgate.endpoints.none', false), /warning: there is no endpoint 'none'/],
      [flag('tollgate.models.a', false), /warning: nothing is switched by this flag/],
      [
        flag('tollgate.endpoints.gpt-5.4', true, { conditions: { client_filters: [{ name: 'x' }] } }),
        /error: a flag of the gateway is on or off/,
      ],
      [yaml('.appconfig.featureflag/tollgate.endpoints.gpt-5.4', 'x'), /error: this is no feature flag/],
    ] as const)
      assert.match(said(base, one).join(), expected);
  });
});
