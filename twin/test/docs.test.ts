// docs/twin.md names all there is.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { faultSchema } from '#faults/fault.ts';
import { latencyPresets } from '#wire/latency.ts';
import { call, json, twinFor } from './support/call.ts';

const root = join(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/twin.md'), 'utf8');
const program = readFileSync(join(root, 'twin/src/main.ts'), 'utf8');

void suite('docs/twin.md', () => {
  test('names every flag', () => {
    const flags = [...program.matchAll(/'(--[a-z-]+)[ ']/g)].map((match) => match[1] ?? '');
    assert.ok(flags.length >= 15);
    for (const flag of flags) assert.ok(page.includes(`\`${flag}\``), flag);
  });

  test('has a row for every fault, with its settings', () => {
    const general = new Set(['kind', 'match', 'times', 'skip', 'share']);
    for (const option of faultSchema.options) {
      const kind = option.shape.kind.value;
      const row = page.split('\n').find((line) => line.startsWith(`| \`${kind}\` `));
      assert.ok(row !== undefined, kind);
      for (const setting of Object.keys(option.shape).filter((name) => !general.has(name)))
        assert.ok(row.includes(`\`${setting}\``), `${kind}: ${setting}`);
    }
  });

  test('names every path of /_twin and every latency', async (context) => {
    const twin = await twinFor(context);
    const endpoints: string[] = json(await call(twin, { path: '/_twin' })).endpoints;
    for (const endpoint of endpoints) assert.ok(page.includes(endpoint), endpoint);
    for (const preset of Object.keys(latencyPresets)) assert.ok(page.includes(`\`${preset}\``), preset);
  });
});
