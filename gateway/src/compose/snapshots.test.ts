// A reload is put in force in slices, and the admin API changes things between any two of them.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite, test } from 'node:test';
import type { Directory } from '#directory/directory.ts';
import { createDirectory } from '#directory/create-directory.ts';
import { keyDigest } from '#directory/keys.ts';
import type { LoadedConfig } from '#config/load.ts';
import type { Config } from '#config-sections.ts';
import type { Clock } from '#kernel/clock.ts';
import { silentLog } from '#kernel/log.ts';
import { atOnce } from '#kernel/steps.ts';
import { nextTurn } from '#kernel/turn.ts';
import { largeConfig } from '../../test/support/large-config.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { memoryDirectoryStore } from '../../test/support/memory-directory-store.ts';
import { keyOf } from '../../test/support/running-gateway.ts';
import { composeRules } from './rules.ts';
import { Snapshots } from './snapshots.ts';

const { text, environment } = largeConfig('http://127.0.0.1:1', { costCentres: 6, subscriptions: 4 });
/** The second has another organisation, lacks the last subscription, and limits the first one's consumer. */
const texts = {
  before: text,
  after: text
    .replace('organisation: contoso', 'organisation: fabrikam')
    .replace(/ {2}subscription-3:\n(?: {4}.*\n)+/, '')
    .concat('consumers: { team-0: { limits: { requestsPerMinute: 5 } } }\n'),
};

/** Each look at it takes longer than a slice may: every step is done in a turn of its own. */
class SlowClock extends ManualClock {
  override monotonic(): number {
    this.advance(10);
    return super.monotonic();
  }
}

interface World {
  readonly directory: Directory;
  readonly snapshots: Snapshots;
  readonly next: LoadedConfig<Config>;
}

function loadedFrom(folder: string): Readonly<Record<keyof typeof texts, LoadedConfig<Config>>> & {
  readonly rules: ReturnType<typeof composeRules>;
} {
  const configFile = path.join(folder, 'tollgate.yaml');
  const settings = { configFile, dataFolder: folder, port: 0, adminPort: 0, checkOnly: true, environment };
  const rules = composeRules(settings, { tokenProviders: [], clock: new ManualClock() });
  const load = (content: string): LoadedConfig<Config> => {
    writeFileSync(configFile, content);
    const result = rules.load({ kind: 'file', path: configFile });
    assert.ok(result.ok, JSON.stringify(result));
    return result.loaded;
  };
  return { rules, before: load(texts.before), after: load(texts.after) };
}

async function makeWorld({ rules, before, after }: ReturnType<typeof loadedFrom>): Promise<World> {
  const clock: Clock = new SlowClock();
  const declared = atOnce(rules.declared(before.config));
  const directory = await createDirectory({ store: memoryDirectoryStore(), declared, clock, log: silentLog });
  const snapshots = new Snapshots({ rules, directory, affinityKey: 'a'.repeat(64), clock }, before.config);
  return { directory, snapshots, next: after };
}

const suspended = ({ snapshots }: World, name: string): boolean | undefined =>
  snapshots.current().directory.subscriptions.get(name)?.suspended;

const accepted = ({ snapshots }: World, key: string): string | undefined =>
  snapshots.current().directory.byKeyDigest(keyDigest(key))?.name;

/** What the two configurations differ in: a snapshot has all of the one or all of the other. */
function assertWhole({ snapshots }: World, turn: number): void {
  const { organisation, directory, limitBook } = snapshots.current();
  const isNew = organisation === 'fabrikam';
  assert.equal(directory.subscriptions.has('subscription-3'), !isNew, `in turn ${turn}`);
  assert.equal(limitBook, snapshots.limitBook(), `in turn ${turn}`);
  assert.equal(snapshots.mergedLimits().declared.has('consumer/team-0'), isNew, `in turn ${turn}`);
}

/** Reloads, makes the changes before turn `at` of it, and looks in every turn. Returns how many turns there were. */
async function reloadWith(world: World, at: number, change: () => Promise<void>): Promise<number> {
  const under = { way: true };
  const applying = world.snapshots.apply(world.next).finally(() => {
    under.way = false;
  });
  let turns = 0;
  let changed: Promise<void> | undefined;
  for (; under.way; turns += 1) {
    if (turns === at) changed = change();
    assertWhole(world, turns);
    await nextTurn();
  }
  changed ??= change();
  await Promise.all([applying, changed]);
  assertWhole(world, turns);
  return turns;
}

suite('between any two slices of a reload', () => {
  test('a key is suspended or made anew, a subscription made and a limit set: at once, and for good', async (context) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'tollgate-snapshots-'));
    context.after(() => rmSync(folder, { recursive: true, force: true }));
    const configurations = loadedFrom(folder);
    let turns = 1;
    for (let at = 0; at <= turns; at += 1) {
      const world = await makeWorld(configurations);
      const { directory } = world;
      const made = await directory.createSubscription({
        name: 'rotated',
        product: 'standard',
        consumer: 'rotated',
        costCentre: 'cost-centre-1',
      });
      const fresh: string[] = [];
      const change = async (): Promise<void> => {
        await directory.suspend('subscription-1');
        assert.equal(suspended(world, 'subscription-1'), true, 'it is, as soon as that is answered');
        const { keys } = await directory.regenerateKey('rotated', 'primary');
        fresh.push(keys.primary ?? '');
        assert.equal(accepted(world, made.keys.primary ?? ''), undefined);
        const { keys: others } = await directory.createSubscription({
          name: 'made',
          product: 'standard',
          consumer: 'made',
          costCentre: 'cost-centre-2',
        });
        fresh.push(others.primary ?? '');
        await directory.changeLimits(() => ({
          change: {
            kind: 'limits-changed',
            changes: [{ node: 'consumer/made', settings: '{"limits":{"requestsPerMinute":7}}' }],
          },
          audited: [],
        }));
      };
      turns = await reloadWith(world, at, change);
      assert.equal(world.snapshots.current().organisation, 'fabrikam');
      assert.equal(suspended(world, 'subscription-1'), true, `suspended in turn ${at}`);
      assert.deepEqual(
        [made.keys.primary ?? '', ...fresh].map((key) => accepted(world, key)),
        [undefined, 'rotated', 'made'],
        `changed in turn ${at}`,
      );
      assert.equal(accepted(world, keyOf('key-0')), 'subscription-0');
      assert.equal(accepted(world, keyOf('key-3')), undefined, 'the new configuration lacks it');
      assert.ok(world.snapshots.mergedLimits().made.has('consumer/made'), `set in turn ${at}`);
      directory.close();
    }
    assert.ok(turns > 20, `a reload of ${turns} turns has hardly any between`);
  });
});
