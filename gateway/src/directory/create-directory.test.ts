import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Clock } from '#kernel/clock.ts';
import { Failure, type ErrorCode } from '#kernel/errors.ts';
import { silentLog, type Log } from '#kernel/log.ts';
import type { Product, Subscription } from '#model/caller.ts';
import { memoryDirectoryStore, type MemoryDirectoryStore } from '../../test/support/memory-directory-store.ts';
import { defaultRoutingTerms } from '#model/priority.ts';
import { createDirectory } from './create-directory.ts';
import type { Directory } from './directory.ts';
import { keyDigest, newSubscriptionKey } from './keys.ts';
import type { DeclaredDirectory } from './ports.ts';

const startedAt = Date.parse('2026-03-01T00:00:00Z');

const declaredProduct: Product = {
  name: 'standard',
  models: new Set(['gpt-5.4-mini']),
  caps: { maxOutputTokens: 4096, maxChoices: null, maxRequestBytes: null },
  unpriced: 'refuse',
  batches: false,
  routing: defaultRoutingTerms,
};

function declaredSubscription(name: string, changes: Partial<Subscription> = {}): Subscription {
  return {
    name,
    product: declaredProduct,
    consumer: 'marketing',
    costCentrePath: 'contoso/marketing',
    suspended: false,
    expiresAt: null,
    ...changes,
  };
}

function declaring(changes: Partial<DeclaredDirectory> = {}): DeclaredDirectory {
  return {
    products: [declaredProduct],
    subscriptions: [declaredSubscription('declared')],
    keys: [],
    costCentres: new Map([['marketing', 'contoso/marketing']]),
    models: new Set(['gpt-5.4-mini', 'text-embedding-3-small']),
    ...changes,
  };
}

interface Setting {
  readonly store?: MemoryDirectoryStore;
  readonly declared?: DeclaredDirectory;
  readonly newKey?: () => string;
  readonly log?: Log;
}

async function open(setting: Setting = {}) {
  let now = startedAt;
  /** Resolves once the directory waits before it asks the store for changes again. */
  let waits = Promise.withResolvers<() => void>();
  const clock: Clock = {
    now: () => now,
    monotonic: () => now,
    after(_ms, run) {
      waits.resolve(run);
      return { cancel() {} };
    },
  };
  const store = setting.store ?? memoryDirectoryStore();
  const directory = await createDirectory({
    store,
    declared: setting.declared ?? declaring(),
    clock,
    log: setting.log ?? silentLog,
    ...(setting.newKey === undefined ? {} : { newKey: setting.newKey }),
  });
  return {
    directory,
    store,
    askAgain: async (): Promise<void> => {
      const run = await waits.promise;
      waits = Promise.withResolvers();
      run();
    },
    moveTo: (time: string): void => {
      now = Date.parse(time);
    },
  };
}

const web = { name: 'web', product: 'standard', consumer: 'marketing', costCentre: 'marketing' };

/** The subscription that a key opens, by name. */
function opens(directory: Directory, key: string | undefined): string | undefined {
  assert.ok(key !== undefined);
  return directory.current().byKeyDigest(keyDigest(key))?.name;
}

function refusedWith(code: ErrorCode, message: RegExp) {
  return (thrown: unknown): boolean => {
    assert.ok(thrown instanceof Failure, String(thrown));
    assert.equal(thrown.code, code);
    assert.match(thrown.message, message);
    return true;
  };
}

test('a key has 256 random bits behind its prefix, and its digest is lower-case hex SHA-256', () => {
  const keys = Array.from({ length: 100 }, newSubscriptionKey);
  assert.equal(new Set(keys).size, 100);
  for (const key of keys) assert.match(key, /^tg_[A-Za-z0-9_-]{43}$/);
  // SHA-256("abc"), FIPS 180-2 appendix B.1.
  assert.equal(keyDigest('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});

describe('what is declared and what is made, as one', () => {
  test('lists both by name and says where each comes from', async () => {
    const { directory } = await open();
    await directory.createProduct({ name: 'embeddings', models: ['text-embedding-3-small'] });
    await directory.createSubscription({ ...web, name: 'alpha', product: 'embeddings' });
    assert.deepEqual(
      directory.products().map(({ name, declaredIn }) => [name, declaredIn]),
      [
        ['embeddings', 'admin'],
        ['standard', 'config'],
      ],
    );
    assert.deepEqual(
      directory.subscriptions().map(({ name, declaredIn, createdAt }) => [name, declaredIn, createdAt]),
      [
        ['alpha', 'admin', '2026-03-01T00:00:00.000Z'],
        ['declared', 'config', null],
      ],
    );
    const current = directory.current();
    assert.deepEqual([...current.products.keys()], ['embeddings', 'standard']);
    assert.deepEqual(current.subscriptions.get('alpha'), {
      name: 'alpha',
      product: {
        name: 'embeddings',
        models: new Set(['text-embedding-3-small']),
        caps: { maxOutputTokens: null, maxChoices: null, maxRequestBytes: null },
        unpriced: 'refuse',
        batches: false,
        routing: { priority: 'standard', fallback: new Map(), hedging: null },
      },
      consumer: 'marketing',
      costCentrePath: 'contoso/marketing',
      suspended: false,
      expiresAt: null,
    });
  });

  test('a key that the configuration gives by reference opens its subscription and is read-only', async () => {
    const key = newSubscriptionKey();
    const { directory } = await open({
      declared: declaring({ keys: [{ subscription: 'declared', slot: 'primary', digest: keyDigest(key) }] }),
    });
    assert.equal(opens(directory, key), 'declared');
    assert.deepEqual(directory.subscription('declared').keys, { primary: true, secondary: false });
    await assert.rejects(
      directory.regenerateKey('declared', 'primary'),
      refusedWith('admin_read_only', /comes by reference/),
    );
    assert.equal(opens(directory, key), 'declared');
    const made = await directory.regenerateKey('declared', 'secondary');
    assert.equal(opens(directory, made.keys.secondary), 'declared');
  });

  test('says that a subscription has expired once it has', async () => {
    const { directory, moveTo } = await open();
    await directory.createSubscription({ ...web, expiresAt: '2026-04-01T00:00:00Z' });
    moveTo('2026-03-31T23:59:59.999Z');
    assert.equal(directory.subscription('web').state, 'active');
    moveTo('2026-04-01T00:00:00Z');
    assert.equal(directory.subscription('web').state, 'expired');
    assert.equal((await directory.suspend('web')).state, 'suspended');
  });
});

describe('the life of a key', () => {
  test('both keys of a new subscription open it; each is regenerated without the other', async () => {
    const { directory } = await open();
    const first = (await directory.createSubscription(web)).keys;
    assert.equal(opens(directory, first.primary), 'web');
    assert.equal(opens(directory, first.secondary), 'web');
    assert.notEqual(first.primary, first.secondary);

    const again = await directory.regenerateKey('web', 'primary');
    assert.deepEqual(Object.keys(again.keys), ['primary']);
    assert.equal(opens(directory, first.primary), undefined);
    assert.equal(opens(directory, again.keys.primary), 'web');
    assert.equal(opens(directory, first.secondary), 'web');

    const other = await directory.regenerateKey('web', 'secondary');
    assert.equal(opens(directory, first.secondary), undefined);
    assert.equal(opens(directory, other.keys.secondary), 'web');
    assert.equal(opens(directory, again.keys.primary), 'web');
  });

  test('a declared subscription has no key until one is made', async () => {
    const { directory } = await open();
    assert.deepEqual(directory.subscription('declared').keys, { primary: false, secondary: false });
    const { keys } = await directory.regenerateKey('declared', 'primary');
    assert.deepEqual(directory.subscription('declared').keys, { primary: true, secondary: false });
    assert.equal(opens(directory, keys.primary), 'declared');
  });

  test('keys survive a restart and a reload', async () => {
    const { directory, store } = await open();
    const made = await directory.createSubscription(web);
    const declared = await directory.regenerateKey('declared', 'primary');
    await directory.redeclare(declaring());
    assert.equal(opens(directory, declared.keys.primary), 'declared');
    const { directory: restarted } = await open({ store });
    assert.equal(opens(restarted, made.keys.primary), 'web');
    assert.equal(opens(restarted, made.keys.secondary), 'web');
    assert.equal(opens(restarted, declared.keys.primary), 'declared');
  });

  test('a new key that equals one in force is never handed out', async () => {
    const taken = newSubscriptionKey();
    const { directory } = await open({
      declared: declaring({ keys: [{ subscription: 'declared', slot: 'primary', digest: keyDigest(taken) }] }),
      newKey: () => taken,
    });
    await assert.rejects(directory.createSubscription(web), /chance is broken/);
    await assert.rejects(directory.regenerateKey('declared', 'secondary'), /chance is broken/);
    assert.deepEqual([...directory.current().subscriptions.keys()], ['declared']);
    const { directory: both } = await open({ newKey: () => 'tg_the_same' });
    await assert.rejects(both.createSubscription(web), /chance is broken/);
    assert.equal(both.current().subscriptions.has('web'), false);
  });
});

describe('suspending', () => {
  for (const name of ['web', 'declared']) {
    test(`stops and restarts '${name}', across a restart too`, async () => {
      const { directory, store } = await open();
      await directory.createSubscription(web);
      const key = (await directory.regenerateKey(name, 'primary')).keys.primary ?? '';
      assert.equal((await directory.suspend(name)).state, 'suspended');
      assert.equal(directory.current().byKeyDigest(keyDigest(key))?.suspended, true);
      const { directory: restarted } = await open({ store });
      assert.equal(restarted.current().byKeyDigest(keyDigest(key))?.suspended, true);
      assert.equal((await restarted.activate(name)).state, 'active');
      assert.equal(restarted.current().byKeyDigest(keyDigest(key))?.suspended, false);
    });
  }

  test('what the configuration suspends is activated only there', async () => {
    const { directory } = await open({
      declared: declaring({ subscriptions: [declaredSubscription('declared', { suspended: true })] }),
    });
    assert.equal(directory.subscription('declared').state, 'suspended');
    await assert.rejects(directory.activate('declared'), refusedWith('admin_read_only', /only there/));
    await directory.redeclare(declaring());
    assert.equal(directory.subscription('declared').state, 'active');
  });

  test('is on the audit trail once, however often it is asked for', async () => {
    const { directory } = await open({ declared: declaring({ subscriptions: [] }) });
    await directory.createSubscription(web);
    await directory.suspend('web');
    await directory.suspend('web');
    const { entries } = await directory.auditTrail({ limit: 10 });
    assert.deepEqual(
      entries.map((one) => one.action),
      ['subscription.suspend', 'subscription.create'],
    );
  });
});

describe('refuses', () => {
  const cases: readonly {
    readonly what: string;
    readonly act: (directory: Directory) => Promise<unknown>;
    readonly code: ErrorCode;
    readonly message: RegExp;
  }[] = [
    {
      what: "a subscription with a declared one's name",
      act: (directory) => directory.createSubscription({ ...web, name: 'declared' }),
      code: 'admin_conflict',
      message: /'declared' exists/,
    },
    {
      what: "a product with a declared one's name",
      act: (directory) => directory.createProduct({ name: 'standard', models: ['gpt-5.4-mini'] }),
      code: 'admin_conflict',
      message: /'standard' exists/,
    },
    {
      what: 'a product with models that nobody serves, naming each',
      act: (directory) => directory.createProduct({ name: 'p', models: ['gpt-5.4-mini', 'gpt-9', 'gpt-10'] }),
      code: 'admin_invalid',
      message: /'gpt-9', 'gpt-10'/,
    },
    {
      what: 'a subscription of no product and no cost centre, naming both',
      act: (directory) => directory.createSubscription({ ...web, product: 'none', costCentre: 'nowhere' }),
      code: 'admin_invalid',
      message: /'none'.*'nowhere'/,
    },
    {
      what: 'a subscription that has expired before it begins',
      act: (directory) => directory.createSubscription({ ...web, expiresAt: '2026-03-01T00:00:00Z' }),
      code: 'admin_invalid',
      message: /expiresAt/,
    },
    {
      what: 'a key for nobody',
      act: (directory) => directory.regenerateKey('nobody', 'primary'),
      code: 'admin_not_found',
      message: /'nobody'/,
    },
    {
      what: 'to suspend nobody',
      act: (directory) => directory.suspend('nobody'),
      code: 'admin_not_found',
      message: /'nobody'/,
    },
  ];
  for (const { what, act, code, message } of cases) {
    test(what, async () => {
      const { directory } = await open();
      const before = directory.current();
      await assert.rejects(act(directory), refusedWith(code, message));
      assert.equal(directory.current(), before);
    });
  }

  test('the second of two that ask for one name at once', async () => {
    const { directory } = await open();
    const results = await Promise.allSettled([directory.createSubscription(web), directory.createSubscription(web)]);
    assert.deepEqual(
      results.map((one) => one.status),
      ['fulfilled', 'rejected'],
    );
    const [first] = results;
    assert.ok(first.status === 'fulfilled');
    assert.equal(opens(directory, first.value.keys.primary), 'web');
  });

  test('a name that the configuration has declared before, after a restart too', async () => {
    const { store } = await open();
    const { directory } = await open({ store, declared: declaring({ subscriptions: [] }) });
    await assert.rejects(
      directory.createSubscription({ ...web, name: 'declared' }),
      refusedWith('admin_conflict', /not given twice/),
    );
  });
});

describe('a reload', () => {
  test('puts the new declaration in force in the same turn', async () => {
    const { directory } = await open();
    const told: number[] = [];
    const listening = directory.onChange((current) => told.push(current.subscriptions.size));
    const done = directory.redeclare(
      declaring({ subscriptions: [declaredSubscription('declared'), declaredSubscription('another')] }),
    );
    assert.deepEqual([...directory.current().subscriptions.keys()], ['another', 'declared']);
    assert.deepEqual(told, [2]);
    assert.deepEqual(await done, []);
    listening.stop();
    await directory.createSubscription(web);
    assert.deepEqual(told, [2]);
  });

  test('leaves alone what a request already holds', async () => {
    const { directory } = await open();
    const { keys } = await directory.createSubscription(web);
    const held = directory.current();
    await directory.suspend('web');
    assert.equal(held.byKeyDigest(keyDigest(keys.primary ?? ''))?.suspended, false);
    assert.ok(Object.isFrozen(held));
  });

  test('a subscription that leaves the configuration takes its keys out of force; it comes back with them', async () => {
    const { directory } = await open();
    const { keys } = await directory.regenerateKey('declared', 'primary');
    await directory.redeclare(declaring({ subscriptions: [] }));
    assert.equal(opens(directory, keys.primary), undefined);
    await directory.redeclare(declaring());
    assert.equal(opens(directory, keys.primary), 'declared');
  });

  test('that declares what was made here wins, says so, and keeps its keys', async () => {
    const { directory } = await open();
    await directory.createProduct({ name: 'made', models: ['gpt-5.4-mini'] });
    const { keys } = await directory.createSubscription(web);
    const problems = await directory.redeclare(
      declaring({
        products: [declaredProduct, { ...declaredProduct, name: 'made', models: new Set() }],
        subscriptions: [declaredSubscription('web', { consumer: 'finance' })],
      }),
    );
    assert.equal(problems.length, 2);
    assert.match(problems.join('\n'), /Product 'made'.*\n.*Subscription 'web'/);
    assert.deepEqual(directory.problems(), problems);
    assert.equal(directory.current().products.get('made')?.models.size, 0);
    assert.equal(directory.subscription('web').declaredIn, 'config');
    assert.equal(directory.current().byKeyDigest(keyDigest(keys.primary ?? ''))?.consumer, 'finance');
  });

  test('that drops a product, a model or a cost centre says who is affected, and nobody gains by it', async () => {
    const { directory } = await open();
    await directory.createProduct({ name: 'made', models: ['text-embedding-3-small'] });
    const { keys } = await directory.createSubscription(web);
    const problems = await directory.redeclare(
      declaring({ products: [], subscriptions: [], costCentres: new Map(), models: new Set(['gpt-5.4-mini']) }),
    );
    assert.equal(problems.length, 3);
    assert.match(problems.join('\n'), /'made'.*text-embedding-3-small/);
    assert.match(problems.join('\n'), /'web'.*'standard'.*no longer exists/);
    assert.match(problems.join('\n'), /'web'.*charged as 'contoso\/marketing'/);
    const held = directory.current().byKeyDigest(keyDigest(keys.primary ?? ''));
    assert.equal(held?.product.models.size, 0);
    assert.equal(held?.costCentrePath, 'contoso/marketing');
    assert.equal(directory.current().products.has('standard'), false);
  });

  test('that moves a cost centre charges from now on along the new path', async () => {
    const { directory } = await open();
    await directory.createSubscription(web);
    await directory.redeclare(declaring({ costCentres: new Map([['marketing', 'contoso/emea/marketing']]) }));
    assert.equal(directory.subscription('web').costCentre, 'contoso/emea/marketing');
  });

  test('that gives a key by reference takes the stored one out of force', async () => {
    const { directory } = await open();
    const made = await directory.regenerateKey('declared', 'primary');
    const given = newSubscriptionKey();
    const problems = await directory.redeclare(
      declaring({ keys: [{ subscription: 'declared', slot: 'primary', digest: keyDigest(given).toUpperCase() }] }),
    );
    assert.match(problems.join('\n'), /primary key of subscription 'declared' comes from the configuration/);
    assert.equal(opens(directory, made.keys.primary), undefined);
    assert.equal(opens(directory, given), 'declared');
  });

  test("that gives one subscription another one's key has the key accepted for neither", async () => {
    const { directory } = await open();
    const { keys } = await directory.createSubscription(web);
    const problems = await directory.redeclare(
      declaring({
        keys: [{ subscription: 'declared', slot: 'primary', digest: keyDigest(keys.secondary ?? '') }],
      }),
    );
    assert.equal(opens(directory, keys.secondary), undefined);
    assert.equal(opens(directory, keys.primary), 'web');
    assert.equal(problems.length, 1);
    assert.match(problems.join(), /primary key of 'declared' and the secondary key of 'web'.*neither/);
    assert.ok(!problems.join().includes(keyDigest(keys.secondary ?? '')));
  });

  test('goes through where the store fails, says so, and remembers the names next time', async () => {
    const { directory, store } = await open({ declared: declaring({ subscriptions: [] }) });
    store.failWith(new Error('disk full'));
    const problems = await directory.redeclare(declaring());
    assert.match(problems.join(), /could not be stored/);
    assert.ok(directory.current().subscriptions.has('declared'));
    store.failWith(undefined);
    assert.deepEqual(await directory.redeclare(declaring()), []);
    assert.deepEqual((await store.load()).declaredNames, ['declared']);
  });
});

/** Resolves at the next change of what is current. */
async function changed(directory: Directory): Promise<void> {
  await new Promise<void>((resolve) => {
    const listening = directory.onChange(() => {
      listening.stop();
      resolve();
    });
  });
}

describe('of several gateways', () => {
  test('each sees what another one commits', async () => {
    const { directory, store } = await open();
    const { keys } = await directory.createSubscription(web);
    const seen = changed(directory);
    store.commitElsewhere({ kind: 'suspended', subscription: 'web' });
    await seen;
    assert.equal(directory.current().byKeyDigest(keyDigest(keys.primary ?? ''))?.suspended, true);
    directory.close();
  });

  test('one reads nothing again that it committed itself', async () => {
    const { directory, store } = await open();
    let loads = 0;
    const load = store.load.bind(store);
    store.load = async () => {
      loads += 1;
      return await load();
    };
    await directory.createSubscription(web);
    await directory.suspend('web');
    const seen = changed(directory);
    store.commitElsewhere({ kind: 'activated', subscription: 'web' });
    await seen;
    assert.equal(loads, 1);
    directory.close();
  });

  test('one that cannot see the changes keeps what it has, says so, and catches up', async () => {
    const lines: string[] = [];
    const write = (_fields: object, message: string): void => void lines.push(message);
    const { directory, store, askAgain } = await open({
      log: { debug: write, info: write, warn: write, error: write },
    });
    await directory.createSubscription(web);
    store.failWith(new Error('the store is down'));
    store.commitElsewhere({ kind: 'suspended', subscription: 'web' });
    await askAgain();
    await askAgain();
    assert.deepEqual(lines, ['changes of the directory cannot be seen at present']);
    assert.equal(directory.current().subscriptions.get('web')?.suspended, false);
    const seen = changed(directory);
    store.failWith(undefined);
    await Promise.all([askAgain(), seen]);
    assert.equal(directory.current().subscriptions.get('web')?.suspended, true);
    directory.close();
  });
});

describe('where the store fails', () => {
  test('nothing changes, and later changes work', async () => {
    const { directory, store } = await open();
    const before = directory.current();
    store.failWith(new Error('disk full'));
    await assert.rejects(directory.createSubscription(web), /disk full/);
    assert.equal(directory.current(), before);
    store.failWith(undefined);
    const { keys } = await directory.createSubscription(web);
    assert.equal(opens(directory, keys.primary), 'web');
  });
});

test('a change whose answer was lost is seen before the next one is made', async () => {
  const { directory, store } = await open();
  const { keys } = await directory.createSubscription(web);
  store.loseNextAnswer();
  await assert.rejects(directory.suspend('web'), /before it answered/);
  assert.equal((await directory.suspend('web')).state, 'suspended');
  assert.equal(directory.current().byKeyDigest(keyDigest(keys.primary ?? ''))?.suspended, true);
  const { entries } = await directory.auditTrail({ limit: 1 });
  assert.deepEqual(
    entries.map((one) => [one.id, one.action]),
    [[3, 'subscription.suspend']],
  );
  store.loseNextAnswer();
  await assert.rejects(directory.createSubscription({ ...web, name: 'other' }), /before it answered/);
  await assert.rejects(
    directory.createSubscription({ ...web, name: 'other' }),
    refusedWith('admin_conflict', /'other' exists/),
  );
});

describe('the audit trail', () => {
  test('tells what was done, by whom and to what, and never a key or its digest', async () => {
    const { directory } = await open();
    await directory.createProduct({ name: 'made', models: ['gpt-5.4-mini'] });
    const made = await directory.createSubscription(web);
    const regenerated = await directory.regenerateKey('web', 'secondary');
    await directory.suspend('web');
    await directory.activate('web');
    await directory.note('config.reload', 'configuration');
    const { entries, next } = await directory.auditTrail({ limit: 100 });
    assert.equal(next, null);
    assert.deepEqual(
      entries.toReversed().map(({ id, actor, action, subject }) => [id, actor, action, subject]),
      [
        [1, 'configuration', 'subscription.declare', 'subscription/declared'],
        [2, 'admin-token', 'product.create', 'product/made'],
        [3, 'admin-token', 'subscription.create', 'subscription/web'],
        [4, 'admin-token', 'key.regenerate', 'subscription/web/secondary'],
        [5, 'admin-token', 'subscription.suspend', 'subscription/web'],
        [6, 'admin-token', 'subscription.activate', 'subscription/web'],
        [7, 'admin-token', 'config.reload', 'configuration'],
      ],
    );
    assert.equal(entries[0]?.at, '2026-03-01T00:00:00.000Z');
    const text = JSON.stringify([entries, directory.subscriptions()]);
    for (const key of [made.keys.primary, made.keys.secondary, regenerated.keys.secondary]) {
      assert.ok(!text.includes(key ?? ''));
      assert.ok(!text.includes(keyDigest(key ?? '')));
    }
  });

  test('pages without losing or repeating an entry', async () => {
    const { directory } = await open({ declared: declaring({ subscriptions: [] }) });
    for (let time = 0; time < 5; time += 1) await directory.note('config.reload', `reload ${time}`);
    const seen: number[] = [];
    let before: number | undefined;
    for (;;) {
      const page = await directory.auditTrail({ limit: 2, ...(before === undefined ? {} : { before }) });
      seen.push(...page.entries.map((one) => one.id));
      if (page.next === null) break;
      before = page.next;
    }
    assert.deepEqual(seen, [5, 4, 3, 2, 1]);
  });
});
