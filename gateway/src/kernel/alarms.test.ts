import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { Alarm, Alarms } from './alarms.ts';

class Bell extends Alarm {
  readonly #name: string;
  readonly #rung: string[];
  readonly #also: () => void;

  constructor(name: string, rung: string[], also: () => void = () => {}) {
    super();
    this.#name = name;
    this.#rung = rung;
    this.#also = also;
  }

  ring(): void {
    this.#rung.push(this.#name);
    this.#also();
  }
}

describe('alarms', () => {
  test('ring at their time, once, the earliest first', () => {
    const clock = new ManualClock();
    const alarms = new Alarms(clock);
    const rung: string[] = [];
    alarms.set(new Bell('late', rung), 300);
    alarms.set(new Bell('early', rung), 100);
    alarms.set(new Bell('later', rung), 301);
    clock.advance(99);
    assert.deepEqual(rung, []);
    clock.advance(1);
    assert.deepEqual(rung, ['early']);
    clock.advance(1_000);
    assert.deepEqual(rung, ['early', 'late', 'later']);
  });

  test('one whose time has passed when it is set rings soon, not at once', () => {
    const clock = new ManualClock();
    const alarms = new Alarms(clock);
    const rung: string[] = [];
    clock.advance(50);
    alarms.set(new Bell('one', rung), 10);
    assert.deepEqual(rung, []);
    clock.advance(0);
    assert.deepEqual(rung, ['one']);
  });

  test('one that rings may set itself again', () => {
    const clock = new ManualClock();
    const alarms = new Alarms(clock);
    const rung: string[] = [];
    const again: Bell = new Bell('again', rung, () => {
      if (rung.length < 3) alarms.set(again, clock.monotonic() + 10);
    });
    alarms.set(again, 10);
    clock.advance(100);
    assert.deepEqual(rung, ['again', 'again', 'again']);
  });

  test('one that rings may clear another that is due at the same moment', () => {
    const clock = new ManualClock();
    const alarms = new Alarms(clock);
    const rung: string[] = [];
    const one: Bell = new Bell('either', rung, () => alarms.clear(other));
    const other: Bell = new Bell('either', rung, () => alarms.clear(one));
    alarms.set(one, 10);
    alarms.set(other, 10);
    clock.advance(100);
    assert.deepEqual(rung, ['either']);
  });

  test('one that throws when it rings keeps no other from ringing', () => {
    const clock = new ManualClock();
    const alarms = new Alarms(clock);
    const rung: string[] = [];
    const throwing = new Bell('throws', rung, () => {
      throw new Error('broken');
    });
    alarms.set(throwing, 10);
    alarms.set(new Bell('other', rung), 10);
    assert.throws(() => clock.advance(10), /broken/);
    clock.advance(0);
    assert.deepEqual(rung.toSorted(), ['other', 'throws']);
  });

  test('whatever is set, put off and cleared: what rings is what a timer each would have rung', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('set' as const), bell: fc.nat(7), ms: fc.nat(40) }),
      fc.record({ kind: fc.constant('clear' as const), bell: fc.nat(7), ms: fc.constant(0) }),
      fc.record({ kind: fc.constant('advance' as const), bell: fc.constant(0), ms: fc.nat(25) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const clock = new ManualClock();
        const alarms = new Alarms(clock);
        const rung: string[] = [];
        const expected: string[] = [];
        const bells = Array.from({ length: 8 }, (_, at) => new Bell(`${at}`, rung));
        const due = new Map<number, number>();
        for (const { kind, bell, ms } of [...steps, { kind: 'advance' as const, bell: 0, ms: 100 }]) {
          const one = bells[bell];
          assert.ok(one !== undefined);
          if (kind === 'set') {
            alarms.set(one, clock.monotonic() + ms);
            due.set(bell, clock.monotonic() + ms);
          } else if (kind === 'clear') {
            alarms.clear(one);
            due.delete(bell);
          } else {
            clock.advance(ms);
            const over = [...due].filter(([, at]) => at <= clock.monotonic());
            expected.push(...over.map(([at]) => `${at}`).toSorted());
            for (const [at] of over) due.delete(at);
            // In the order of their times they come, which is another test's matter.
            const fresh = rung.splice(expected.length - over.length);
            rung.push(...fresh.toSorted());
          }
        }
        assert.deepEqual(rung, expected);
      }),
    );
  });
});
