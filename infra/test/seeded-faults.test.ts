import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { readTemplates } from '../../tools/bicep/template-set.ts';
import { notices } from './support/checks.ts';
import { own } from './support/definitions.ts';
import { faultsOfFit } from './support/faults-of-fit.ts';
import { faultsOfWiring } from './support/faults-of-wiring.ts';
import { faults as faultsOfParts, type Fault } from './support/faults.ts';
import { profiles } from './support/profiles.ts';
import { infraFolder, repositoryRoot } from './support/snapshot.ts';

const files = readTemplates(infraFolder);
const faults = [...faultsOfParts, ...faultsOfWiring, ...faultsOfFit];

function broken({ file, from, to }: Fault): Map<string, string> {
  const before = files.get(file);
  assert.ok(before !== undefined, `${file} is not there`);
  const after = before.replace(from, () => to);
  assert.notEqual(after, before, `${file} does not hold what the fault replaces`);
  return new Map([...files, [file, after]]);
}

// A checker that finds nothing in good templates has shown nothing yet.
describe('each fault is noticed, by the check that is there for it', () => {
  for (const fault of faults)
    test(`${fault.file}: ${fault.what}`, () => {
      const rules = notices(fault.rule, broken(fault), own);
      assert.ok(rules.includes(fault.rule), `expected ${fault.rule}, found ${rules.join(', ') || 'nothing'}`);
    });
});

test('the guide says how many faults there are, and with how many sets of parameters they are looked for', () => {
  const guide = readFileSync(path.join(repositoryRoot, 'docs/azure/verification.md'), 'utf8');
  assert.match(guide, new RegExp(`\\b${faults.length} faults are put in`));
  assert.match(guide, new RegExp(`for ${profiles.size} sets of parameters`));
});
