import type { ReplyHeaders } from './retry-after.ts';

/**
 * Azure's own spillover served the call from pay-as-you-go, or tried to.
 * Source: "Manage traffic with spillover for provisioned deployments", Azure OpenAI.
 */
export function wasSpilled(headers: ReplyHeaders): boolean {
  return headers['x-ms-spillover-from-deployment'] !== undefined || headers['x-ms-is-spilled-over'] === 'true';
}

/**
 * Of a call that failed: the deployment that Azure spilled it over to, null where it does not say, undefined where it did
 * not spill it over. `x-ms-spillover-error` stands on every spilled call by the present documentation, and only on those
 * whose target failed by an earlier one; on a failed call both mean the same.
 */
export function failedSpillover(headers: ReplyHeaders): string | null | undefined {
  const spilled = wasSpilled(headers) || headers['x-ms-spillover-error'] !== undefined;
  return spilled ? (headers['x-ms-deployment-name'] ?? null) : undefined;
}
