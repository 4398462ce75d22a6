import type { HeldAttempt } from '@tollgate/contract/admin-api/adjustments.ts';
import { ageText } from '#output/age.ts';
import { decimalsFor, usdFromNano } from '#output/money.ts';
import type { Column } from '#output/table.ts';

/** The columns of attempts of unknown usage; `now` (UTC ms) is what their age is told from. */
export function heldColumns(attempts: readonly HeldAttempt[], now: number): readonly Column<HeldAttempt>[] {
  const decimals = decimalsFor(attempts.map((one) => one.reservedNanoUsd));
  return [
    { title: 'attempt', name: 'id', value: (one) => one.id },
    { title: 'admitted', name: 'at', value: (one) => one.at },
    {
      title: 'age',
      name: 'ageSeconds',
      align: 'right',
      value: (one) => Math.floor((now - Date.parse(one.at)) / 1000),
      text: (one) => ageText(now - Date.parse(one.at)),
    },
    { title: 'outcome', name: 'outcome', value: (one) => one.outcome },
    { title: 'consumer', name: 'consumer', value: (one) => one.consumer },
    { title: 'cost centre', name: 'costCentre', value: (one) => one.costCentre },
    { title: 'endpoint', name: 'endpoint', value: (one) => one.endpoint },
    {
      title: 'held, USD',
      name: 'reservedNanoUsd',
      align: 'right',
      value: (one) => one.reservedNanoUsd,
      text: (one) => (one.reservedNanoUsd === null ? 'nothing' : usdFromNano(one.reservedNanoUsd, decimals)),
    },
  ];
}

/** What is held for all of them, in USD. */
export function heldTotal(attempts: readonly HeldAttempt[]): string {
  return usdFromNano(attempts.reduce((sum, one) => sum + BigInt(one.reservedNanoUsd ?? 0), 0n));
}
