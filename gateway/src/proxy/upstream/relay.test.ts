import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { describe, test } from 'node:test';
import { Failure } from '#kernel/errors.ts';
import { Alarms } from '#kernel/alarms.ts';
import { Presence } from '#model/presence.ts';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { relay, type Ending, type Expiring, type RelayOutcome } from './relay.ts';
import type { ReplySink } from './reply-sink.ts';
import { Watchdog } from './watchdog.ts';

/** Everything around a relay, and what happened to it, in order. */
class Scene {
  readonly log: string[] = [];
  readonly clock = new ManualClock();
  readonly presence = new Presence();
  readonly settled = Promise.withResolvers<Ending>();
  sink: ReplySink | undefined;
  /** What `response.write` answers: false asks for a pause. */
  roomy = true;
  drained: () => void = () => {};
  unreadableEnd = false;
  private tapEnded = false;
  private follower: Expiring | undefined;

  run(options: { readonly onLeave?: 'cancel' | 'drain'; readonly stream?: boolean } = {}): Promise<RelayOutcome> {
    const { log } = this;
    const tap = {
      terminal: false,
      push: (chunk: Buffer): Buffer | undefined => {
        const text = chunk.toString();
        tap.terminal = text.includes('DONE');
        return tap.terminal ? undefined : chunk;
      },
      end: () => {
        if (this.unreadableEnd) throw new Error('a defect');
        this.tapEnded = true;
      },
      held: () => (tap.terminal || this.tapEnded ? Buffer.from('held') : undefined),
    };
    const response = {
      write: (bytes: Buffer): boolean => {
        log.push(`write ${bytes.toString()}`);
        return this.roomy;
      },
      end: (bytes?: Buffer) => log.push(`end ${bytes?.toString() ?? ''}`),
      once: (_event: string, run: () => void) => {
        this.drained = run;
      },
      destroy: () => log.push('destroy'),
      // The four calls that a relay makes; a real response is in the data-plane tests.
    } as unknown as ServerResponse;
    const watchdog = new Watchdog(
      new Alarms(this.clock),
      { deadlineAt: 60_000, firstByteMs: null, idleMs: 1_000 },
      {
        expired: () => this.follower?.expire(),
      },
    );
    return relay({
      reply: {
        status: 200,
        headers: {},
        start: (sink) => {
          this.sink = sink;
        },
        pause: () => log.push('pause'),
        resume: () => log.push('resume'),
        abort: () => log.push('abort'),
      },
      tap,
      response,
      presence: this.presence,
      onLeave: options.onLeave ?? 'cancel',
      followedBy: (made) => {
        this.follower = made;
      },
      writeHead: () => log.push('head'),
      fail: ({ code }) => log.push(`fail ${code}`),
      stream: options.stream ?? true,
      watchdog,
      settle: (outcome) => {
        log.push(`settle ${outcome}`);
        return this.settled.promise;
      },
    });
  }

  data(text: string): void {
    this.sink?.data(Buffer.from(text));
  }
}

describe('the relay', () => {
  test('hands the first byte on in the turn in which it arrives', () => {
    const scene = new Scene();
    void scene.run();
    scene.data('one');
    assert.deepEqual(scene.log, ['head', 'write one']);
  });

  test('gives the terminal event only after the attempt is settled', async () => {
    const scene = new Scene();
    const done = scene.run();
    scene.data('one');
    scene.data('DONE');
    scene.sink?.end();
    assert.deepEqual(scene.log, ['head', 'write one', 'settle completed']);
    scene.settled.resolve({ kind: 'held' });
    assert.equal(await done, 'completed');
    assert.deepEqual(scene.log, ['head', 'write one', 'settle completed', 'end held']);
  });

  test('settles a stream that ends without its end as broken, and tells the client what it is told', async () => {
    const scene = new Scene();
    const done = scene.run();
    scene.data('one');
    scene.sink?.end();
    scene.settled.resolve({ kind: 'failure', failure: new Failure('upstream_invalid_reply', 'broke') });
    assert.equal(await done, 'upstream-broke');
    assert.deepEqual(scene.log.slice(2), ['settle upstream-broke', 'fail upstream_invalid_reply']);
  });

  test('lets a slow reader slow the upstream down', () => {
    const scene = new Scene();
    void scene.run();
    scene.roomy = false;
    scene.data('one');
    scene.data('two');
    assert.deepEqual(scene.log, ['head', 'write one', 'pause', 'write two']);
    scene.drained();
    assert.equal(scene.log.at(-1), 'resume');
  });

  test('cancels the upstream at once when the client leaves', async () => {
    const scene = new Scene();
    const done = scene.run();
    scene.data('one');
    scene.presence.leave();
    assert.deepEqual(scene.log.slice(2), ['abort', 'settle client-left']);
    scene.settled.resolve({ kind: 'held' });
    assert.equal(await done, 'client-left');
    assert.equal(scene.log.at(-1), 'settle client-left', 'nothing is written to nobody');
  });

  test('reads on to the end for a client that left a model that is drained', async () => {
    const scene = new Scene();
    const done = scene.run({ onLeave: 'drain' });
    scene.data('one');
    scene.presence.leave();
    scene.data('two');
    scene.data('DONE');
    scene.settled.resolve({ kind: 'held' });
    assert.equal(await done, 'client-left');
    assert.deepEqual(scene.log.slice(2), ['resume', 'settle client-left']);
  });

  test('an upstream that waited for a client that has left has its whole time to go on', () => {
    const scene = new Scene();
    void scene.run({ onLeave: 'drain' });
    scene.roomy = false;
    scene.data('one');
    scene.clock.advance(900);
    scene.presence.leave();
    scene.clock.advance(900);
    scene.data('two');
    assert.deepEqual(scene.log.slice(2), ['pause', 'resume']);
    scene.clock.advance(1_000);
    assert.deepEqual(scene.log.slice(4), ['abort', 'settle client-left']);
  });

  test('settles a reply whose end our own code cannot read, and fails', async () => {
    const scene = new Scene();
    scene.unreadableEnd = true;
    const done = scene.run({ stream: false });
    scene.data('one');
    assert.doesNotThrow(() => scene.sink?.end(), 'nobody above would settle it');
    assert.equal(scene.log.at(-1), 'settle upstream-broke');
    scene.settled.resolve({ kind: 'failure', failure: new Failure('upstream_invalid_reply', 'broke') });
    await assert.rejects(done, /a defect/);
  });

  test('a reader that stands still is cut after the idle time; where it is drained, the reply is read on', () => {
    for (const onLeave of ['cancel', 'drain'] as const) {
      const scene = new Scene();
      void scene.run({ onLeave });
      scene.roomy = false;
      scene.data('one');
      scene.clock.advance(1_001);
      const after = scene.log.slice(3);
      assert.deepEqual(after, onLeave === 'drain' ? ['destroy', 'resume'] : ['destroy', 'abort', 'settle client-left']);
      if (onLeave === 'cancel') continue;
      scene.data('two');
      scene.data('DONE');
      assert.equal(scene.log.at(-1), 'settle client-left');
    }
  });

  test('silence of the upstream ends a stream after the idle time', () => {
    const scene = new Scene();
    void scene.run();
    scene.data('one');
    scene.clock.advance(900);
    scene.data('two');
    scene.clock.advance(900);
    assert.equal(scene.log.at(-1), 'write two');
    scene.clock.advance(101);
    assert.deepEqual(scene.log.slice(-2), ['abort', 'settle timed-out']);
  });
});
