import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type {
  DirectoryChange,
  DirectoryStore,
  KeySlot,
  NewAuditEntry,
  StoredDirectory,
  StoredTopUp,
} from '../../src/directory/ports.ts';

interface OpenStore {
  readonly store: DirectoryStore;
  /** Closes it and opens what it left, as a restart does. */
  reopen(): Promise<DirectoryStore>;
  close(): Promise<void>;
}

const entry = (subject: string): NewAuditEntry => ({
  at: 1_700_000_000_000,
  actor: 'admin-token',
  action: 'subscription.create',
  subject,
});
const digest = (character: string): string => character.repeat(64);
const key = (subscription: string, slot: KeySlot, character: string) => ({
  subscription,
  slot,
  digest: digest(character),
});
const created = (name: string, characters: readonly [string, string], expiresAt: number | null = null) =>
  ({
    kind: 'subscription-created',
    subscription: {
      name,
      product: 'standard',
      consumer: 'web',
      costCentre: 'marketing',
      costCentrePath: 'contoso/marketing',
      expiresAt,
      createdAt: 1_700_000_000_000,
    },
    keys: [key(name, 'primary', characters[0]), key(name, 'secondary', characters[1])],
  }) as const satisfies DirectoryChange;
const product = (name: string) =>
  ({
    kind: 'product-created',
    product: {
      name,
      models: ['gpt-5.4-mini', 'text-embedding-3-small'],
      caps: { maxOutputTokens: 4096, maxChoices: null, maxRequestBytes: 1_048_576 },
      unpriced: 'allow-and-flag',
      createdAt: 1_700_000_000_001,
    },
  }) as const satisfies DirectoryChange;
const topUp = (id: string): StoredTopUp => ({
  id,
  budget: 'consumer/web/month',
  window: '2026-03-01/P1M',
  // More than a double holds.
  amount: '9000000000000000001',
  reason: 'a launch',
  at: 1_700_000_000_002,
});
const byText = (a: unknown, b: unknown): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);

/** Neither the order nor the count of changes is a promise of every store. */
function sorted(stored: StoredDirectory): StoredDirectory {
  return {
    version: 0,
    products: stored.products.toSorted(byText),
    subscriptions: stored.subscriptions.toSorted(byText),
    keys: stored.keys.toSorted(byText),
    suspended: stored.suspended.toSorted(),
    declaredNames: stored.declaredNames.toSorted(),
    limits: stored.limits.toSorted(byText),
    topUps: stored.topUps.toSorted(byText),
  };
}

/** What every DirectoryStore keeps to. */
export function directoryStoreContract(name: string, open: () => Promise<OpenStore>): void {
  const withStore = async (run: (opened: OpenStore) => Promise<void>): Promise<void> => {
    const opened = await open();
    try {
      await run(opened);
    } finally {
      await opened.close();
    }
  };

  describe(`${name} as a directory store`, () => {
    test('is empty at first', () =>
      withStore(async ({ store }) => {
        assert.deepEqual(await store.load(), {
          version: 0,
          products: [],
          subscriptions: [],
          keys: [],
          suspended: [],
          declaredNames: [],
          limits: [],
          topUps: [],
        });
        assert.deepEqual(await store.auditTrail({ before: null, limit: 10 }), []);
      }));

    test('gives back after a restart what was committed, whole', () =>
      withStore(async (opened) => {
        const { store } = opened;
        const first = created('first', ['a', 'b']);
        const second = created('second', ['c', 'd'], 1_800_000_000_123);
        for (const change of [
          product('standard'),
          first,
          second,
          { kind: 'key-set', key: key('first', 'secondary', 'e') },
          { kind: 'key-set', key: key('declared', 'primary', 'f') },
          { kind: 'suspended', subscription: 'first' },
          { kind: 'suspended', subscription: 'second' },
          { kind: 'activated', subscription: 'second' },
          { kind: 'names-declared', names: ['declared', 'other'] },
          {
            kind: 'limits-changed',
            changes: [
              { node: 'consumer/web', settings: '{"budget":1}' },
              { node: 'consumer/other', settings: '{}' },
            ],
          },
          {
            kind: 'limits-changed',
            changes: [
              { node: 'consumer/web', settings: '{"budget":2}' },
              { node: 'consumer/other', settings: null },
            ],
          },
          { kind: 'topped-up', topUp: topUp('one') },
          { kind: 'topped-up', topUp: topUp('two') },
          { kind: 'top-up-revoked', id: 'two' },
        ] as const satisfies readonly DirectoryChange[])
          assert.equal(await store.commit(change, []), 'committed');
        const expected: StoredDirectory = {
          version: 0,
          products: [product('standard').product],
          subscriptions: [first.subscription, second.subscription],
          keys: [
            key('first', 'primary', 'a'),
            key('first', 'secondary', 'e'),
            key('second', 'primary', 'c'),
            key('second', 'secondary', 'd'),
            key('declared', 'primary', 'f'),
          ],
          suspended: ['first'],
          declaredNames: ['declared', 'other'],
          limits: [{ node: 'consumer/web', settings: '{"budget":2}' }],
          topUps: [topUp('one')],
        };
        assert.deepEqual(sorted(await store.load()), sorted(expected));
        assert.deepEqual(sorted(await (await opened.reopen()).load()), sorted(expected));
      }));

    const refusals: readonly {
      readonly what: string;
      readonly before: readonly DirectoryChange[];
      readonly change: DirectoryChange;
      readonly result: 'name-taken' | 'digest-taken';
    }[] = [
      { what: 'a second product of a name', before: [product('p')], change: product('p'), result: 'name-taken' },
      {
        what: 'a second subscription of a name',
        before: [created('s', ['a', 'b'])],
        change: created('s', ['c', 'd']),
        result: 'name-taken',
      },
      {
        what: 'a subscription with a name that was declared before',
        before: [{ kind: 'names-declared', names: ['s'] }],
        change: created('s', ['c', 'd']),
        result: 'name-taken',
      },
      {
        what: 'a second top-up of an id',
        before: [{ kind: 'topped-up', topUp: topUp('one') }],
        change: { kind: 'topped-up', topUp: { ...topUp('one'), amount: '1' } },
        result: 'name-taken',
      },
      {
        what: "a subscription with another one's key",
        before: [created('s', ['a', 'b'])],
        change: created('t', ['c', 'a']),
        result: 'digest-taken',
      },
      {
        what: 'a subscription with one key in both slots',
        before: [],
        change: created('t', ['c', 'c']),
        result: 'digest-taken',
      },
      {
        what: "a key that is another slot's",
        before: [created('s', ['a', 'b'])],
        change: { kind: 'key-set', key: key('s', 'secondary', 'a') },
        result: 'digest-taken',
      },
    ];
    for (const { what, before, change, result } of refusals) {
      test(`refuses ${what}, and keeps nothing of it`, () =>
        withStore(async ({ store }) => {
          for (const earlier of before) await store.commit(earlier, [entry('earlier')]);
          const held = await store.load();
          assert.equal(await store.commit(change, [entry('refused')]), result);
          assert.deepEqual(sorted(await store.load()), sorted(held));
          const subjects = (await store.auditTrail({ before: null, limit: 10 })).map((one) => one.subject);
          assert.deepEqual(
            subjects,
            before.map(() => 'earlier'),
          );
        }));
    }

    test('repeats of what holds already change nothing', () =>
      withStore(async ({ store }) => {
        for (let time = 0; time < 2; time += 1) {
          assert.equal(await store.commit({ kind: 'suspended', subscription: 's' }, []), 'committed');
          assert.equal(await store.commit({ kind: 'activated', subscription: 't' }, []), 'committed');
          assert.equal(await store.commit({ kind: 'names-declared', names: ['s', 't'] }, []), 'committed');
        }
        const stored = await store.load();
        assert.deepEqual(stored.suspended, ['s']);
        assert.deepEqual(stored.declaredNames.toSorted(), ['s', 't']);
      }));

    test('takes ten thousand limits at once, and their entries', () =>
      withStore(async ({ store }) => {
        const nodes = Array.from({ length: 10_000 }, (_one, at) => `cost-centre/c-${at}`);
        const changes = nodes.map((node) => ({ node, settings: '{}' }));
        assert.equal(await store.commit({ kind: 'limits-changed', changes }, nodes.map(entry)), 'committed');
        assert.equal((await store.load()).limits.length, 10_000);
        assert.equal((await store.auditTrail({ before: null, limit: 1 }))[0]?.id, 10_000);
      }));

    test('numbers the audit trail from one, across a restart, and pages it from the newest', () =>
      withStore(async (opened) => {
        await opened.store.commit({ kind: 'noted' }, [entry('one'), entry('two')]);
        const store = await opened.reopen();
        await store.commit(created('s', ['a', 'b']), [entry('three')]);
        const whole = await store.auditTrail({ before: null, limit: 10 });
        assert.deepEqual(whole, [
          { id: 3, ...entry('three') },
          { id: 2, ...entry('two') },
          { id: 1, ...entry('one') },
        ]);
        assert.deepEqual(await store.auditTrail({ before: null, limit: 2 }), whole.slice(0, 2));
        assert.deepEqual(await store.auditTrail({ before: 2, limit: 2 }), whole.slice(2));
        assert.deepEqual(await store.auditTrail({ before: 1, limit: 2 }), []);
      }));
  });
}
