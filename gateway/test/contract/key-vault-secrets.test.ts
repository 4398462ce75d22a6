// Secrets of Key Vault, read with Microsoft's library from the twin's vault under a name of Azure's, with its checks on.
import assert from 'node:assert/strict';
import { suite, test, type TestContext } from 'node:test';
import { pino } from 'pino';
import { KeyVaultSecrets } from '#adapters/key-vault/key-vault-secrets.ts';
import { NoToken, type TokenProvider } from '#proxy/upstream/ports.ts';
import { startTwin, type RunningTwin } from '../../../twin/src/server.ts';
import { azureNames } from '../support/azure-names.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { until } from '../support/until.ts';

const audience = 'https://vault.azure.net';

interface Held {
  readonly twin: RunningTwin;
  readonly clock: ManualClock;
  /** By which a vault is waited for; it stands still. */
  readonly patience: ManualClock;
  readonly secrets: KeyVaultSecrets;
  /** Everything that was logged, a line each. */
  readonly lines: string[];
  /** The address of a secret. */
  at(name: string): string;
}

async function vaultWith(
  context: TestContext,
  given: Readonly<Record<string, string>>,
  provider?: (twin: RunningTwin) => TokenProvider,
): Promise<Held> {
  const twin = await startTwin({ securePort: 0, keyVault: { secrets: given } });
  context.after(async () => await twin.close());
  const clock = new ManualClock();
  const lines: string[] = [];
  const log = pino({ base: null }, { write: (line: string) => void lines.push(line) });
  const usual = { name: 'test', token: () => twin.azure.token({ audience }), insteadOf: async () => undefined };
  const patience = new ManualClock();
  const random = { next: () => 0.5 };
  const secrets = new KeyVaultSecrets({ tokens: provider?.(twin) ?? usual, clock, patience, random, log });
  context.after(() => secrets.close());
  const { vault } = azureNames(twin);
  return { twin, clock, patience, secrets, lines, at: (name) => `${vault}/secrets/${name}` };
}

/** Fetches while the clock moves, so that pauses end. */
async function fetched({ secrets, clock }: Held): Promise<void> {
  await ended(secrets.fetchMissing(), () => clock.advance(100));
}

/** Lets time go on until something is over. */
async function ended(work: Promise<unknown>, move: () => void): Promise<void> {
  let isOver = false;
  const over = work.finally(() => {
    isOver = true;
  });
  await until(() => {
    move();
    return isOver;
  }, 'the end');
  await over;
}

const textOf = (held: ReturnType<KeyVaultSecrets['held']>): string => ('text' in held ? held.text : 'none');
const problemOf = (held: ReturnType<KeyVaultSecrets['held']>): string =>
  'problem' in held ? `${held.problem}. ${held.fix}` : 'none';

suite('secrets of Key Vault', () => {
  test('are read when they are wanted, each once, and not before', async (context) => {
    const it = await vaultWith(context, { a: 'one', b: 'two' });
    assert.match(problemOf(it.secrets.held(it.at('a'))), /has not been read yet/);
    it.secrets.held(it.at('b'));
    await fetched(it);
    assert.deepEqual(
      [it.at('a'), it.at('b')].map((one) => textOf(it.secrets.held(one))),
      ['one', 'two'],
    );
    assert.equal(await it.secrets.fetchMissing(), false);
    assert.deepEqual(it.secrets.counts(), { current: 2, kept: 0, missing: 0 });
  });

  test('are another after a rotation; one with a version stays what it is', async (context) => {
    const it = await vaultWith(context, { a: 'one' });
    const version = it.twin.azure.keyVault.set({ name: 'a', value: 'two' });
    const pinned = `${it.at('a')}/${version}`;
    for (const one of [it.at('a'), pinned]) it.secrets.held(one);
    await fetched(it);
    assert.equal(await it.secrets.refresh(), false, 'nothing has changed');
    it.twin.azure.keyVault.set({ name: 'a', value: 'three' });
    assert.equal(await it.secrets.refresh(), true);
    assert.deepEqual(
      [it.at('a'), pinned].map((one) => textOf(it.secrets.held(one))),
      ['three', 'two'],
    );
  });

  for (const [what, fault] of [
    ['throttles', { kind: 'status', status: 429, retryAfter: 7 }],
    ['fails', { kind: 'status', status: 503 }],
    ['refuses', { kind: 'status', status: 403 }],
    ['breaks off', { kind: 'reset' }],
  ] as const)
    test(`are kept while the vault ${what}; that is said once, and once that it is over`, async (context) => {
      const it = await vaultWith(context, { a: 'one' });
      it.secrets.held(it.at('a'));
      await fetched(it);
      it.twin.azure.addFault({ service: 'key-vault', ...fault, times: null });
      for (let round = 0; round < 3; round += 1) assert.equal(await it.secrets.refresh(), false);
      assert.equal(textOf(it.secrets.held(it.at('a'))), 'one');
      assert.deepEqual(it.secrets.counts(), { current: 0, kept: 1, missing: 0 });
      assert.equal(it.lines.filter((line) => line.includes('secrets cannot be read')).length, 1);
      it.twin.azure.faults.clear();
      await it.secrets.refresh();
      assert.equal(it.lines.filter((line) => line.includes('secrets can be read again')).length, 1);
      assert.ok(!it.lines.join('').includes('"one"'), 'no secret in the log');
    });

  test('that are not there yet are asked for again as the vault says, while somebody waits for them', async (context) => {
    const it = await vaultWith(context, { a: 'one' });
    it.twin.azure.addFault({ service: 'key-vault', kind: 'status', status: 429, retryAfter: 7 });
    it.secrets.held(it.at('a'));
    const done = it.secrets.fetchMissing();
    await until(() => it.secrets.counts().missing === 1 && it.lines.length > 0, 'the first refusal');
    it.clock.advance(6_999);
    assert.equal(textOf(it.secrets.held(it.at('a'))), 'none');
    await ended(done, () => it.clock.advance(1));
    assert.equal(textOf(it.secrets.held(it.at('a'))), 'one');
  });

  test('of a vault that hangs are not waited for without an end: what was not begun in time is told as such, each', async (context) => {
    const names = Array.from({ length: 40 }, (_one, at) => `secret-${at}`);
    let asked = 0;
    const patience: { clock?: ManualClock } = {};
    // As if the token for each of them took two seconds, and then there were none.
    const token = async (): Promise<string> => {
      asked += 1;
      patience.clock?.advance(2_000);
      return await Promise.reject(new NoToken(new Error('away')));
    };
    const it = await vaultWith(context, {}, () => ({
      name: 'test',
      token,
      insteadOf: async () => await Promise.resolve(undefined),
    }));
    patience.clock = it.patience;
    for (const name of names) it.secrets.held(it.at(name));
    await fetched(it);
    assert.ok(asked < names.length, `${asked} were asked for`);
    const problems = names.map((name) => problemOf(it.secrets.held(it.at(name))));
    assert.ok(
      problems.every((one) => one.includes('cannot be read')),
      problems.join('\n'),
    );
    assert.ok(
      problems.some((one) => /there was no time left, since others were waited for \(30 s for all\)/.test(one)),
    );
    assert.deepEqual(it.secrets.counts(), { current: 0, kept: 0, missing: names.length });
  });

  test('are looked at again by and by, soon after a failure, later otherwise', async (context) => {
    const it = await vaultWith(context, { a: 'one' });
    it.secrets.held(it.at('a'));
    await fetched(it);
    let changes = 0;
    it.secrets.follow(
      () => 300_000,
      () => {
        changes += 1;
      },
    );
    it.twin.azure.addFault({ service: 'key-vault', kind: 'status', status: 503 });
    it.clock.advance(300_000);
    await until(() => it.secrets.counts().kept === 1);
    it.twin.azure.keyVault.set({ name: 'a', value: 'two' });
    await until(() => {
      it.clock.advance(50);
      return changes === 1;
    }, 'the change');
    assert.ok(it.clock.monotonic() < 2 * 300_000, 'before the usual time');
    assert.equal(textOf(it.secrets.held(it.at('a'))), 'two');
  });

  test('that nobody refers to any more are not read any more', async (context) => {
    const it = await vaultWith(context, { a: 'one', b: 'two' });
    for (const name of ['a', 'b']) it.secrets.held(it.at(name));
    await fetched(it);
    it.secrets.keepOnly(new Set([it.at('b')]));
    assert.deepEqual(it.secrets.counts(), { current: 1, kept: 0, missing: 0 });
  });

  test('one that has expired is used, with a warning', async (context) => {
    const it = await vaultWith(context, {});
    it.twin.azure.keyVault.set({ name: 'a', value: 'old', expiresInSeconds: -60 * 86_400 * 365 });
    it.secrets.held(it.at('a'));
    await fetched(it);
    assert.equal(textOf(it.secrets.held(it.at('a'))), 'old');
    assert.ok(it.lines.some((line) => line.includes('past its end')));
  });
});

suite('a secret that cannot be had says why, and what to do', () => {
  const cases: readonly (readonly [string, (it: Held) => void, RegExp])[] = [
    [
      'no role',
      ({ twin }) => twin.azure.addFault({ service: 'key-vault', kind: 'status', status: 403, times: null }),
      /may not be read by the gateway \(403\)\. Give its identity the role Key Vault Secrets User on the vault/,
    ],
    [
      'disabled',
      ({ twin }) => void twin.azure.keyVault.set({ name: 'a', value: 'x', enabled: false }),
      /is disabled\. Enable it/,
    ],
    [
      'throttled for ever',
      ({ twin }) => twin.azure.addFault({ service: 'key-vault', kind: 'status', status: 429, times: null }),
      /the vault answers 429\. Start the gateway again/,
    ],
    [
      'away',
      ({ twin }) => twin.azure.addFault({ service: 'key-vault', kind: 'reset', times: null }),
      /the vault cannot be reached/,
    ],
  ];
  for (const [what, happens, expected] of cases)
    test(what, async (context) => {
      const it = await vaultWith(context, { a: 'one' });
      happens(it);
      it.secrets.held(it.at('a'));
      await fetched(it);
      assert.match(problemOf(it.secrets.held(it.at('a'))), expected);
    });

  test('not there', async (context) => {
    const it = await vaultWith(context, {});
    it.secrets.held(it.at('none'));
    await fetched(it);
    assert.match(problemOf(it.secrets.held(it.at('none'))), /does not exist\. Set it, or correct its name/);
  });

  test('a token for somebody else: another is asked for once, then it is told', async (context) => {
    let renewed = 0;
    const it = await vaultWith(context, { a: 'one' }, (twin) => ({
      name: 'test',
      token: () => twin.azure.token({ audience: 'https://ai.azure.com' }),
      async insteadOf() {
        renewed += 1;
        return await Promise.resolve(undefined);
      },
    }));
    it.secrets.held(it.at('a'));
    await fetched(it);
    assert.match(problemOf(it.secrets.held(it.at('a'))), /does not take the gateway's token \(401\)/);
    assert.equal(renewed, 1);
  });

  test('no token', async (context) => {
    const it = await vaultWith(context, { a: 'one' }, () => ({
      name: 'test',
      token: async () => await Promise.reject(new NoToken(new Error('429'))),
      insteadOf: async () => await Promise.resolve(undefined),
    }));
    it.secrets.held(it.at('a'));
    await fetched(it);
    assert.match(problemOf(it.secrets.held(it.at('a'))), /the gateway has no access token\. Give it an identity/);
  });
});
