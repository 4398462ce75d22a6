import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { array, assert as holds, constantFrom, property, record } from 'fast-check';
import { priorities } from '#model/priority.ts';
import { FairLine } from './fair-line.ts';

interface One {
  readonly priority: (typeof priorities)[number];
  readonly consumer: string;
  readonly name: string;
}

const one = (name: string, consumer: string, priority: One['priority'] = 'standard'): One => ({
  name,
  consumer,
  priority,
});

function lineOf(...calls: readonly One[]): FairLine<One> {
  const line = new FairLine<One>();
  for (const call of calls) line.add(call, false);
  return line;
}

function order(line: FairLine<One>, canGo: (call: One) => boolean = () => true): string {
  const names: string[] = [];
  for (let next = line.take(canGo); next !== undefined; next = line.take(canGo)) names.push(next.name);
  return names.join(' ');
}

describe('who is next among those who wait', () => {
  test('the more urgent class, whoever came first', () => {
    const line = lineOf(one('b', 'x', 'batch'), one('s', 'x'), one('i', 'x', 'interactive'));
    assert.equal(order(line), 'i s b');
  });

  test('in one class the consumers in turn, of one consumer whoever came first', () => {
    const line = lineOf(one('m1', 'm'), one('m2', 'm'), one('m3', 'm'), one('f1', 'f'), one('g1', 'g'), one('f2', 'f'));
    assert.equal(order(line), 'm1 f1 g1 m2 f2 m3');
  });

  test('a consumer that comes back while it has had its turn waits for the others', () => {
    const line = lineOf(one('m1', 'm'), one('f1', 'f'), one('f2', 'f'));
    assert.equal(line.take(() => true)?.name, 'm1');
    line.add(one('m2', 'm'), false);
    assert.equal(order(line), 'f1 m2 f2');
  });

  test('who was let go and refused stands before the others of its consumer', () => {
    const line = lineOf(one('m2', 'm'), one('f1', 'f'));
    line.add(one('m1', 'm'), true);
    assert.equal(order(line), 'm1 f1 m2');
  });

  test('who cannot go keeps nobody else waiting, and keeps its place', () => {
    const line = lineOf(one('bound', 'm'), one('m1', 'm'), one('f1', 'f'));
    assert.equal(
      order(line, ({ name }) => name !== 'bound'),
      'm1 f1',
    );
    assert.equal(order(line), 'bound');
  });
});

describe('who makes room in a full line', () => {
  const cases = [
    ['the least urgent class for a more urgent call', 'interactive', 'x', 'b2'],
    ['nobody for a call of the least urgent class whose consumer has its share', 'batch', 'm', undefined],
    ['the last call of whoever has most, for a consumer that has fewer', 'batch', 'x', 'b2'],
  ] as const;
  for (const [what, priority, consumer, expected] of cases) {
    test(what, () => {
      const line = lineOf(
        one('i', 'm', 'interactive'),
        one('b1', 'm', 'batch'),
        one('f', 'f', 'batch'),
        one('b2', 'm', 'batch'),
      );
      assert.equal(line.displacedBy({ priority, consumer })?.name, expected);
    });
  }

  test('nobody who is more urgent, however many there are', () => {
    const line = lineOf(one('i1', 'm', 'interactive'), one('i2', 'm', 'interactive'), one('i3', 'm', 'interactive'));
    assert.equal(line.displacedBy({ priority: 'standard', consumer: 'f' }), undefined);
  });

  test('nobody where it would only turn the tables: one more than the other is no more than its share', () => {
    const line = lineOf(one('m1', 'm'), one('m2', 'm'), one('f1', 'f'));
    assert.equal(line.displacedBy({ priority: 'standard', consumer: 'f' }), undefined);
    assert.equal(line.displacedBy({ priority: 'standard', consumer: 'g' })?.name, 'm2');
  });
});

test('nobody is lost, taken twice, or overtaken by more than one call of each consumer of its class', () => {
  const call = record({ priority: constantFrom(...priorities), consumer: constantFrom('m', 'f', 'g') });
  holds(
    property(array(call, { maxLength: 40 }), (calls) => {
      const named = calls.map((values, at) => ({ ...values, name: String(at) }));
      const line = lineOf(...named);
      assert.equal(line.length, named.length);
      const taken: One[] = [];
      for (let next = line.take(() => true); next !== undefined; next = line.take(() => true)) taken.push(next);
      assert.equal(line.length, 0);
      assert.deepEqual(new Set(taken), new Set(named));
      for (const priority of priorities) {
        const inClass = taken.filter((one_) => one_.priority === priority);
        const counts: Record<string, number> = { m: 0, f: 0, g: 0 };
        for (const { consumer } of inClass) {
          counts[consumer] = (counts[consumer] ?? 0) + 1;
          const waiting = Object.entries(counts).filter(
            ([name, had]) => inClass.filter((other) => other.consumer === name).length > had,
          );
          for (const [, had] of waiting) assert.ok((counts[consumer] ?? 0) <= had + 1);
        }
      }
    }),
  );
});
