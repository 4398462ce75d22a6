import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ledgerFaults, ledgerProblemSchema } from '@tollgate/contract/admin-api/ledger.ts';
import { Findings } from './ledger-findings.ts';

test('every fault is told with what it is and what to do', () => {
  for (const fault of ledgerFaults) {
    const findings = new Findings();
    findings.add(fault, 'here');
    const [problem, ...others] = findings.problems();
    assert.deepEqual(others, []);
    assert.deepEqual(ledgerProblemSchema.parse(problem), problem);
    assert.match(problem?.what ?? '', /^[A-Z].*: 1\.$/);
    assert.match(problem?.remedy ?? '', /\.$/);
  }
});

test('every fault has its row in docs/ledger-operations.md, and no other has', () => {
  const page = readFileSync(new URL('../../../../docs/ledger-operations.md', import.meta.url), 'utf8');
  const table = page.slice(page.indexOf('| fault '), page.indexOf('`ledger reship` sends'));
  const rows = [...table.matchAll(/^\| `([a-z-]+)`/gm)].map((match) => match[1]);
  assert.deepEqual(rows, [...ledgerFaults]);
});

test('of many only the first hundred are told by name, and all are counted', () => {
  const findings = new Findings();
  for (let at = 0; at < 250; at += 1) findings.add('different', `attempt-${at}`);
  findings.addMany('wrong-roll-ups', 3);
  findings.addMany('damage', 0);
  assert.deepEqual(
    findings.problems().map((one) => [one.fault, one.count, one.where.length]),
    [
      ['different', 250, 100],
      ['wrong-roll-ups', 3, 0],
    ],
  );
});
