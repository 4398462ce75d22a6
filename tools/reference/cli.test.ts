import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generateCliReference } from './cli.ts';

test('the page of the command line has every command with its options and examples, and a table that leads to each', () => {
  const page = generateCliReference();
  const headings = [...page.matchAll(/^## (tollgate .+)$/gm)].map((match) => match[1] ?? '');
  assert.ok(headings.includes('tollgate subscription regenerate'));
  assert.ok(headings.includes('tollgate usage'));
  const links = [...page.matchAll(/\]\(#([^)]+)\)/g)].map((match) => match[1] ?? '');
  assert.deepEqual(
    links,
    headings.map((heading) => heading.replaceAll(' ', '-')),
  );
  assert.ok(page.includes('| `--bucket <length>` | cut the period into pieces | one of `quarter-hour`, `hour`'));
  assert.ok(page.includes('npx --no tollgate usage --by day --from -7d'));
  assert.ok(page.includes('`TOLLGATE_ADMIN_PORT`'));
});

test('the page is the same each time, and knows nothing of this machine', () => {
  const page = generateCliReference();
  assert.equal(generateCliReference(), page);
  assert.ok(!page.includes(process.cwd()));
});
