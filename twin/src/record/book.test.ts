import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Attempt } from './attempt.ts';
import { UsageBook } from './book.ts';

function ended(
  book: UsageBook,
  given: { readonly id: string; readonly tokens: number; readonly status?: number },
): Attempt {
  const attempt = new Attempt(given.id, 0);
  book.begin(attempt);
  attempt.status = given.status ?? 200;
  attempt.inputTokens = given.tokens;
  attempt.outputTokens = given.tokens * 2;
  book.end(attempt);
  return attempt;
}

const bookOf = (capacity: number): UsageBook => new UsageBook(capacity, () => undefined);

void suite('usage book', () => {
  test('sums all, and counts the answers with 2xx as requests', () => {
    const book = bookOf(10);
    ended(book, { id: 'a', tokens: 1 });
    ended(book, { id: 'b', tokens: 2, status: 0 });
    ended(book, { id: 'c', tokens: 0, status: 429 });
    assert.deepEqual(book.report().total, {
      requests: 1,
      inputTokens: 3,
      cachedInputTokens: 0,
      outputTokens: 6,
      reasoningTokens: 0,
    });
    assert.deepEqual(
      book.report().attempts.map((one) => one.id),
      ['a', 'b', 'c'],
    );
  });

  test('keeps the last ones, says how many are gone, and never forgets a sum', () => {
    const book = bookOf(3);
    for (let at = 0; at < 8; at += 1) ended(book, { id: String(at), tokens: 1 });
    const report = book.report();
    assert.deepEqual(
      report.attempts.map((one) => one.id),
      ['5', '6', '7'],
    );
    assert.equal(report.dropped, 5);
    assert.equal(report.total.inputTokens, 8);
  });

  test('a cursor gives what came later, with the sums of that', () => {
    const book = bookOf(3);
    ended(book, { id: 'a', tokens: 1 });
    const { cursor } = book.report();
    ended(book, { id: 'b', tokens: 10 });
    const later = book.report(cursor);
    assert.deepEqual(
      later.attempts.map((one) => one.id),
      ['b'],
    );
    assert.equal(later.total.inputTokens, 10);
    assert.equal(later.dropped, 0);
    for (let at = 0; at < 4; at += 1) ended(book, { id: String(at), tokens: 1 });
    assert.equal(book.report(cursor).dropped, 2);
  });

  test('an attempt is entered once, and not at all after a reset', () => {
    const book = bookOf(3);
    const attempt = ended(book, { id: 'a', tokens: 1 });
    book.end(attempt);
    assert.equal(book.report().total.inputTokens, 1);
    const late = new Attempt('late', 0);
    book.begin(late);
    assert.equal(book.running, 1);
    book.reset();
    book.end(late);
    assert.deepEqual(book.report().attempts, []);
  });
});
