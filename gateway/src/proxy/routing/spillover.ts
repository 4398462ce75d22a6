import type { ReplyHeaders } from './retry-after.ts';

/**
 * Azure's own spillover served the call from pay-as-you-go, or tried to.
 * Source: "Manage traffic with spillover for provisioned deployments", Azure OpenAI.
 */
export function wasSpilled(headers: ReplyHeaders): boolean {
  return headers['x-ms-spillover-from-deployment'] !== undefined || headers['x-ms-is-spilled-over'] === 'true';
}
