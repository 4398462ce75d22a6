import {
  newKeysSchema,
  subscriptionSchema,
  type KeySlot,
  type NewKeys,
  type Subscription,
} from '@tollgate/contract/admin-api/subscriptions.ts';
import type { AdminClient, Reply } from '#admin/client.ts';
import type { Context } from '#context.ts';
import type { Column } from '#output/table.ts';
import { prettyJson } from '#output/json.ts';

export const subscriptionColumns: readonly Column<Subscription>[] = [
  { title: 'subscription', name: 'name', value: (one) => one.name },
  { title: 'product', name: 'product', value: (one) => one.product },
  { title: 'consumer', name: 'consumer', value: (one) => one.consumer },
  { title: 'cost centre', name: 'costCentre', value: (one) => one.costCentre },
  { title: 'state', name: 'state', value: (one) => one.state },
  { title: 'expires', name: 'expiresAt', value: (one) => one.expiresAt, text: (one) => one.expiresAt ?? 'never' },
  { title: 'primary key', name: 'primaryKey', value: (one) => (one.keys.primary ? 'set' : 'none') },
  { title: 'secondary key', name: 'secondaryKey', value: (one) => (one.keys.secondary ? 'set' : 'none') },
  { title: 'declared in', name: 'declaredIn', value: (one) => one.declaredIn },
];

/** `POST subscriptions/{name}/{suspend|activate}` */
export async function setState(
  admin: AdminClient,
  name: string,
  verb: 'suspend' | 'activate',
): Promise<Reply<Subscription>> {
  return await admin.ask({ path: `subscriptions/${name}/${verb}`, schema: subscriptionSchema, method: 'POST' });
}

/** Makes a new key in this place; the old one stops working at once. */
export async function regenerateKey(admin: AdminClient, name: string, slot: KeySlot): Promise<Reply<NewKeys>> {
  return await admin.ask({
    path: `subscriptions/${name}/keys/${slot}/regenerate`,
    schema: newKeysSchema,
    method: 'POST',
  });
}

/** Keys alone on standard output, so that they can be piped; what else there is to say goes to standard error. */
export function printNewKeys(context: Context, { value, raw }: Reply<NewKeys>, json: boolean): void {
  if (json) {
    context.out.write(prettyJson(raw));
    return;
  }
  for (const [slot, key] of Object.entries(value.keys)) context.out.write(`${slot.padEnd(9)}  ${key}\n`);
  context.err.write('Keep them now: only hashes are stored, and they are never shown again.\n');
}
