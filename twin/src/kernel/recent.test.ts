import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Recent } from './recent.ts';

void suite('recent', () => {
  test('forgets what was not used for longest', () => {
    const recent = new Recent<string, number>(2);
    recent.set('a', 1);
    recent.set('b', 2);
    recent.get('a');
    recent.set('c', 3);
    assert.deepEqual([recent.get('a'), recent.get('b'), recent.get('c')], [1, undefined, 3]);
  });

  test('weighs, and takes nothing that is heavier than all it may hold', () => {
    const recent = new Recent<string, number>(10);
    recent.set('a', 1, 4);
    recent.set('b', 2, 4);
    recent.set('huge', 3, 11);
    recent.set('c', 4, 4);
    assert.deepEqual(
      [recent.get('a'), recent.get('b'), recent.get('huge'), recent.get('c')],
      [undefined, 2, undefined, 4],
    );
    recent.set('b', 5, 1);
    recent.set('d', 6, 5);
    assert.equal(recent.size, 3);
  });
});
