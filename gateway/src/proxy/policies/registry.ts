import { registryOf } from '#kernel/registry.ts';
import { callCaps } from './call-caps/call-caps.ts';
import { forwardRequest } from './forward-request/forward-request.ts';
import type { PolicyStep } from './policy.ts';
import { requestChecks } from './request-checks/request-checks.ts';
import { unpriced } from './unpriced/unpriced.ts';

/** Every built-in step, in the order in which it runs inside its section. A golden test pins the order. */
export const builtInSteps = [
  requestChecks,
  callCaps,
  unpriced,
  forwardRequest,
] as const satisfies readonly PolicyStep[];

/** By name; fails at start-up on a duplicate. */
export const stepsByName = registryOf<PolicyStep>('policy steps', builtInSteps);
