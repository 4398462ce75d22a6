import type { GatewayAccount } from '@tollgate/contract/admin-api/counters.ts';
import { amountText, plainAmount } from '#commands/budget/amounts.ts';
import type { Column } from '#output/table.ts';

type Amount = 'granted' | 'spent' | 'unknown' | 'inFlight' | 'outstanding';

function amountColumn<Row extends GatewayAccount>(name: Amount, title: string): Column<Row> {
  return {
    title,
    name,
    align: 'right',
    value: (one) => plainAmount(one.unit, one[name]),
    text: (one) => amountText(one.unit, one[name]),
  };
}

/** What a gateway has in a budget's window. */
export function accountColumns<Row extends GatewayAccount>(): readonly Column<Row>[] {
  return [
    { title: 'budget', name: 'budget', value: (one) => one.budget },
    { title: 'until', name: 'windowEnd', value: (one) => one.windowEnd },
    amountColumn('granted', 'granted'),
    amountColumn('spent', 'spent'),
    amountColumn('unknown', 'unknown'),
    amountColumn('inFlight', 'in flight'),
    amountColumn('outstanding', 'set aside'),
  ];
}
