import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Alert, AlertStore } from '#accounting/alerts/ports.ts';

export interface OpenAlertStore {
  readonly store: AlertStore;
  /** Closes it and opens what it left, as a restart does. */
  reopen(): Promise<AlertStore>;
  close(): Promise<void>;
}

const start = Date.UTC(2026, 2, 1);

const alert = (name: string, changes: Partial<Alert> = {}): Alert => ({
  id: `evt_${name}`,
  type: 'budget.threshold',
  at: start,
  budget: 'consumer/marketing/month',
  windowEnd: start + 1000,
  body: `{"name":"${name}"}`,
  ...changes,
});

const to = (...receivers: string[]) => ({ receivers, mostKept: 100 });
const due = (now: number, ...receivers: string[]) => ({ receivers, now, until: now + 50, limit: 10 });

const taken = async (store: AlertStore, now: number, ...receivers: string[]): Promise<string[]> =>
  (await store.take(due(now, ...receivers))).map((one) => `${one.alert.id} ${one.receiver} ${one.attempts}`).toSorted();

/** What every AlertStore keeps to. */
export function alertStoreContract(name: string, open: () => Promise<OpenAlertStore>): void {
  const withStore = async (run: (opened: OpenAlertStore) => Promise<void>): Promise<void> => {
    const opened = await open();
    try {
      await run(opened);
    } finally {
      await opened.close();
    }
  };
  describe(`${name} as an alert store`, () => {
    test('keeps an alert once, whoever decides it, and gives it back whole after a restart', () =>
      withStore(async (opened) => {
        const one = alert('one', { type: 'budget.exhausted' });
        assert.equal(await opened.store.add(one, to('a', 'b')), 'added');
        assert.equal(await opened.store.add({ ...one, body: '{"name":"again"}' }, to('a', 'c')), 'known');
        const store = await opened.reopen();
        assert.equal(await store.add(one, to('a')), 'known');
        const waits = { state: 'waiting', attempts: 0, nextAt: start, error: null };
        assert.deepEqual(await store.page({ before: null, limit: 10 }), [
          { ...one, deliveries: ['a', 'b'].map((receiver) => ({ receiver, ...waits })) },
        ]);
        assert.deepEqual(await store.waiting(), [
          { receiver: 'a', count: 1 },
          { receiver: 'b', count: 1 },
        ]);
      }));

    test('keeps one of many that are decided at once', () =>
      withStore(async ({ store }) => {
        const results = await Promise.all(Array.from({ length: 8 }, () => store.add(alert('one'), to('a'))));
        assert.deepEqual(results.toSorted(), ['added', ...Array.from({ length: 7 }, () => 'known')]);
      }));

    test('gives out what is due, to one at a time, and again when nobody has reported', () =>
      withStore(async ({ store }) => {
        await store.add(alert('one'), to('a', 'b'));
        await store.add(alert('later', { at: start + 20 }), to('a'));
        assert.deepEqual(await taken(store, start, 'a'), ['evt_one a 0']);
        assert.deepEqual(await taken(store, start, 'a', 'b'), ['evt_one b 0']);
        assert.deepEqual(await taken(store, start + 20, 'a', 'b'), ['evt_later a 0']);
        assert.deepEqual(await taken(store, start + 50, 'a', 'b'), ['evt_one a 0', 'evt_one b 0']);
        assert.deepEqual(await taken(store, start + 1000), []);
        assert.deepEqual(await taken(store, start + 1000, 'nobody'), []);
      }));

    test('gives what is due at once to several who ask, each delivery to one of them', () =>
      withStore(async ({ store }) => {
        await Promise.all(Array.from({ length: 20 }, (_one, at) => store.add(alert(`${at}`), to('a'))));
        const asked = await Promise.all(Array.from({ length: 6 }, () => store.take({ ...due(start, 'a'), limit: 4 })));
        const ids = asked.flat().map((one) => one.alert.id);
        assert.equal(new Set(ids).size, ids.length);
      }));

    test('knows what became of a delivery', () =>
      withStore(async ({ store }) => {
        await store.add(alert('one'), to('a', 'b', 'c'));
        await store.report({ id: 'evt_one', receiver: 'a' }, { delivered: true });
        await store.report(
          { id: 'evt_one', receiver: 'b' },
          { delivered: false, error: 'answered 500', nextAt: start + 9 },
        );
        await store.report({ id: 'evt_one', receiver: 'c' }, { delivered: false, error: 'answered 410', nextAt: null });
        // Reported by one that was slow: what is delivered stays so.
        await store.report({ id: 'evt_one', receiver: 'a' }, { delivered: false, error: 'late', nextAt: start });
        const [listed] = await store.page({ before: null, limit: 1 });
        assert.deepEqual(listed?.deliveries, [
          { receiver: 'a', state: 'delivered', attempts: 1, nextAt: null, error: null },
          { receiver: 'b', state: 'waiting', attempts: 1, nextAt: start + 9, error: 'answered 500' },
          { receiver: 'c', state: 'given-up', attempts: 1, nextAt: null, error: 'answered 410' },
        ]);
        assert.deepEqual(await taken(store, start + 8, 'a', 'b', 'c'), []);
        assert.deepEqual(await taken(store, start + 9, 'a', 'b', 'c'), ['evt_one b 1']);
        assert.deepEqual(await store.waiting(), [{ receiver: 'b', count: 1 }]);
      }));

    test('pages from the newest, keeps no more than it may, and forgets windows that are long over', () =>
      withStore(async ({ store }) => {
        for (const at of [1, 2, 3])
          await store.add(alert(`${at}`, { at: start + at, windowEnd: start + at }), { ...to('a'), mostKept: 3 });
        assert.equal(await store.add(alert('more'), { ...to('a'), mostKept: 3 }), 'full');
        const ids = async (before: string | null): Promise<string[]> =>
          (await store.page({ before, limit: 2 })).map(({ id }) => id);
        assert.deepEqual(await ids(null), ['evt_3', 'evt_2']);
        assert.deepEqual(await ids('evt_2'), ['evt_1']);
        assert.deepEqual(await ids('evt_1'), []);
        assert.equal(await store.forget(start + 3), 2);
        assert.deepEqual(await ids(null), ['evt_3']);
        assert.deepEqual(await store.waiting(), [{ receiver: 'a', count: 1 }]);
      }));
  });
}
