import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generateAdminReference } from './admin-api.ts';

test('the page of the admin API leads from each operation to every schema that it uses', async () => {
  const page = await generateAdminReference();
  const headings = [...page.matchAll(/^### `?([^`\n]+)`?$/gm)].map((match) => match[1] ?? '');
  assert.ok(headings.includes('POST /admin/v1/subscriptions'));
  assert.ok(headings.includes('GET /healthz'));
  assert.equal(new Set(headings).size, headings.length);
  const anchors = new Set(headings.map((heading) => heading.toLowerCase()));
  const links = [...page.matchAll(/\]\(#([^)]+)\)/g)].map((match) => match[1] ?? '');
  assert.ok(links.length > 30);
  for (const link of links) assert.ok(anchors.has(link), link);
});

test('the page is the same each time, and holds no version or time that would change it', async () => {
  assert.equal(await generateAdminReference(), await generateAdminReference());
});

test('fields inside fields are listed with their path', async () => {
  const page = await generateAdminReference();
  for (const row of [
    '| `keys.primary` | string, optional |',
    '| `caps.maxChoices` | integer or null |',
    '| `journal.damaged[].offset` | integer |',
    '| `lastReload.problems` | array of string |',
    '| `before` | query | integer |',
    '| `limit` | query | integer; default `100` |',
  ])
    assert.ok(page.includes(row), row);
});
