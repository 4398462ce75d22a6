import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { seededRandom } from '#kernel/random.ts';
import { faultSchema, type FaultInput } from './fault.ts';
import { Faults, type FaultSubject } from './faults.ts';

const subject: FaultSubject = {
  resource: 'contoso-weu',
  deployment: 'gpt-5.4-mini',
  operation: 'chat.completions',
  stream: true,
  id: 'attempt-1',
  bodyText: '{"messages":[]}',
};

function faultsWith(...given: FaultInput[]): Faults {
  const faults = new Faults(seededRandom(1));
  for (const fault of given) faults.add(faultSchema.parse(fault));
  return faults;
}

void suite('faults on request', () => {
  test('happen once, unless told otherwise', () => {
    const faults = faultsWith({ kind: 'gzip' });
    assert.ok(faults.take(subject).has('gzip'));
    assert.ok(!faults.take(subject).has('gzip'));
    assert.deepEqual(
      faults.report().map(({ used, left }) => ({ used, left })),
      [{ used: 1, left: 0 }],
    );
  });

  test('happen for ever with times: null, and to every other with share: 0.5, more or less', () => {
    const faults = faultsWith({ kind: 'gzip', times: null }, { kind: 'crlf', times: null, share: 0.5 });
    let crlf = 0;
    for (let at = 0; at < 400; at += 1) {
      const taken = faults.take(subject);
      assert.ok(taken.has('gzip'));
      if (taken.has('crlf')) crlf += 1;
    }
    assert.ok(crlf > 120 && crlf < 280, String(crlf));
    assert.equal(faults.report()[0]?.left, null);
  });

  for (const [name, wrong] of Object.entries({
    resource: 'contoso-swc',
    deployment: 'other',
    operation: 'embeddings',
    stream: false,
    id: 'attempt-2',
    contains: 'not there',
  }))
    test(`leave a request alone whose ${name} is another`, () => {
      const match = faultSchema.parse({ kind: 'gzip', match: { [name]: wrong } }).match;
      assert.ok(!faultsWith({ kind: 'gzip', match }).take(subject).has('gzip'));
    });

  test('skip the first ones, and are taken in the order they came', () => {
    const faults = faultsWith({ kind: 'status', status: 500, skip: 1 }, { kind: 'status', status: 503 });
    const statuses = [1, 2, 3].map(() => faults.take(subject).get('status')?.status);
    assert.deepEqual(statuses, [503, 500, undefined]);
  });

  test('can be removed, one or all', () => {
    const faults = faultsWith({ kind: 'gzip' }, { kind: 'crlf' });
    assert.equal(faults.remove('fault-1'), 1);
    assert.equal(faults.remove(), 1);
    assert.deepEqual(faults.report(), []);
  });
});
