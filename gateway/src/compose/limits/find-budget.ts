import type { Snapshots } from '#compose/snapshots.ts';
import type { Budget } from '#model/limits.ts';
import type { Snapshot } from '#model/snapshot.ts';
import type { ChargedTo } from '#model/usage-record.ts';

const ofEach = /^product\/([^/]+)\/(subscription|end-user)\/([^/]*)\/[^/]+$/;

/** A budget by its id; those that each subscription or end user has for itself come into being by being asked for. */
export function findBudget(id: string, snapshots: Pick<Snapshots, 'current' | 'limitBook'>): Budget | undefined {
  const book = snapshots.limitBook();
  const listed = book.budgets.find((one) => one.id === id);
  if (listed !== undefined) return listed;
  const caller = callerOfEach(id, snapshots.current());
  return caller === undefined ? undefined : book.of(caller).budgets.find((one) => one.id === id);
}

function callerOfEach(id: string, { directory, organisation }: Snapshot): ChargedTo | undefined {
  const [, product, kind, name = ''] = ofEach.exec(id) ?? [];
  if (product === undefined) return undefined;
  if (kind === 'end-user')
    return { subscription: '', product, consumer: '', costCentrePath: organisation, endUser: name };
  const found = directory.subscriptions.get(name);
  if (found?.product.name !== product) return undefined;
  const { consumer, costCentrePath } = found;
  return { subscription: name, product, consumer, costCentrePath, endUser: null };
}
