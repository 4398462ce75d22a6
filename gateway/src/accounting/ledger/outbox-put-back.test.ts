import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { silentLog } from '#kernel/log.ts';
import { Outbox } from './outbox.ts';
import type { Checkpoint, Position, ShippedEntry } from './ports.ts';
import { SharedProgress } from './progress.ts';
import { fileEnd } from './recovery.ts';
import { frames, open, segment, settle } from '../../../test/support/journal-content.ts';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { MemoryJournalFiles } from '../../../test/support/memory-journal-files.ts';
import { MemoryLedgerStore } from '../../../test/support/memory-ledger-store.ts';
import { usageRecord } from '../../../test/support/records.ts';

/** A server that can be away, and that may store what it is sent without its answer getting through. */
class Server extends MemoryLedgerStore {
  state: 'there' | 'away' | 'deaf' = 'there';

  override async checkpoint(instance: string): Promise<Checkpoint | null> {
    if (this.state === 'away') throw new Error('no connection');
    return await super.checkpoint(instance);
  }

  override async append(records: readonly ShippedEntry[], checkpoint: Checkpoint, from?: Position): Promise<number> {
    if (this.state === 'away') throw new Error('no connection');
    const added = await super.append(records, checkpoint, from);
    if (this.state === 'deaf') throw new Error('the connection broke');
    return added;
  }
}

const turns = async (count = 10): Promise<void> => {
  for (let at = 0; at < count; at += 1) await new Promise((resolve) => setImmediate(resolve));
};

const steps = [
  'a call',
  'three calls',
  'a moment',
  'a second',
  'away',
  'deaf',
  'there',
  'a backup',
  'put back',
  'a look',
  'shipped again',
  'waited for',
] as const;
type Step = (typeof steps)[number];

/** A gateway's journal and outbox, and the server that it ships to. */
class Place {
  readonly store = new Server();
  readonly clock = new ManualClock();
  readonly progress = new SharedProgress();
  readonly outbox: Outbox;
  readonly asked: Promise<unknown>[] = [];
  settles = 0;
  readonly #files = new MemoryJournalFiles();
  #journal = segment(1);
  #putBack = this.store.snapshot();

  constructor() {
    const { store, clock, progress } = this;
    this.outbox = new Outbox({ files: this.#files, store, progress, clock, log: silentLog });
    this.#write(0);
  }

  readonly does: Readonly<Record<Step, () => void>> = {
    'a call': () => this.#write(1),
    'three calls': () => this.#write(3),
    'a moment': () => this.clock.advance(60),
    'a second': () => this.clock.advance(1_000),
    away: () => (this.store.state = 'away'),
    deaf: () => (this.store.state = 'deaf'),
    there: () => (this.store.state = 'there'),
    'a backup': () => (this.#putBack = this.store.snapshot()),
    'put back': () => this.#putBack(),
    'a look': () => this.asked.push(this.outbox.lookAgain().catch(() => undefined)),
    'shipped again': () => this.asked.push(this.outbox.reship().catch(() => undefined)),
    'waited for': () => this.asked.push(this.outbox.caughtUp(5_000)),
  };

  /** Longer than the longest pause of the outbox, several times. */
  async longTime(): Promise<void> {
    for (let at = 0; at < 6; at += 1) {
      this.clock.advance(31_000);
      await turns();
    }
  }

  async ids(): Promise<readonly string[]> {
    const page = await this.store.page({ filter: [], period: { from: null, to: null }, after: null, limit: 500 });
    return page.map(({ id }) => id);
  }

  #write(calls: number): void {
    for (let at = 0; at < calls; at += 1) {
      const record = usageRecord(`call-${(this.settles += 1)}`);
      this.#journal = Buffer.concat([this.#journal, frames(open(record), settle(record))]);
    }
    this.#files.segments.set(1, this.#journal);
    const written = fileEnd(this.#files) ?? assert.fail();
    this.progress.publish({ written, lowWater: written, settles: this.settles, openAttempts: 0 });
    if (this.progress.nudge()) this.outbox.nudge();
  }
}

test('whatever a server has lost that was put back comes again, once, with calls or without', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...steps), { maxLength: 25 }), async (some) => {
      const place = new Place();
      const { outbox, store, progress } = place;
      await outbox.start('journal-1');
      for (const step of some) {
        place.does[step]();
        await turns(2);
      }
      place.does.there();
      await place.longTime();
      await outbox.lookAgain();
      await place.longTime();
      await Promise.all(place.asked);
      const all = Array.from({ length: place.settles }, (_, at) => `call-${at + 1}`);
      assert.deepEqual((await place.ids()).toSorted(), all.toSorted());
      assert.equal(await outbox.caughtUp(0), true);
      assert.equal(progress.shipped(), place.settles);
      await outbox.close();
      assert.deepEqual((await store.checkpoint('journal-1'))?.shipped, progress.written());
    }),
    { numRuns: 150 },
  );
});
