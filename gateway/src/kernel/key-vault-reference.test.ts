import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { readKeyVaultReference } from './key-vault-reference.ts';

const version = '0123456789abcdef0123456789abcdef';

suite('the address of a secret in Key Vault', () => {
  test('says vault, name, version, and whom a token for the vault is for', () => {
    assert.deepEqual(readKeyVaultReference(`https://contoso.vault.azure.net/secrets/openai-key/${version}`), {
      vault: 'https://contoso.vault.azure.net',
      name: 'openai-key',
      version,
      scope: 'https://vault.azure.net/.default',
      isLocal: false,
    });
    assert.equal(readKeyVaultReference('https://contoso.vault.azure.net/secrets/openai-key')?.version, undefined);
  });

  for (const [host, scope] of [
    ['contoso.vault.azure.cn', 'https://vault.azure.cn/.default'],
    ['contoso.vault.usgovcloudapi.net', 'https://vault.usgovcloudapi.net/.default'],
    ['localhost:8443', 'https://vault.azure.net/.default'],
  ] as const)
    test(`of ${host} has the scope ${scope}`, () => {
      assert.equal(readKeyVaultReference(`https://${host}/secrets/a`)?.scope, scope);
    });

  // A token would go wherever the configuration says: only to hosts that Microsoft gives out, and never in clear.
  for (const text of [
    'http://contoso.vault.azure.net/secrets/a',
    'https://contoso.example.com/secrets/a',
    'https://vault.azure.net/secrets/a',
    'https://a.b.vault.azure.net/secrets/a',
    'https://contoso.vault.azure.net.example.com/secrets/a',
    'https://evilvault.azure.net/secrets/a',
    'https://user@contoso.vault.azure.net/secrets/a',
    'https://user:password@contoso.vault.azure.net/secrets/a',
    'https://169.254.169.254/secrets/a',
    'https://localhost.example.com/secrets/a',
    'https://127.example.com/secrets/a',
    'https://contoso.vault.azure.net/keys/a',
    'https://contoso.vault.azure.net/secrets/',
    'https://contoso.vault.azure.net/secrets/a_b',
    'https://contoso.vault.azure.net/secrets/a/not-a-version',
    'https://contoso.vault.azure.net/secrets/a?api-version=7.6',
    'https://contoso.vault.azure.net/secrets/a#b',
    'contoso/openai-key',
  ])
    test(`is not ${text}`, () => {
      assert.equal(readKeyVaultReference(text), undefined);
    });
});
