import type { Admission } from '#model/admission.ts';
import type { ModelRoute } from '#model/model-route.ts';
import type { Plan } from './routing/plan.ts';

/** A call on its way to an endpoint of one model. */
export interface Leg {
  readonly plan: Plan;
  readonly admission: Admission;
}

/** The models that a call may still fall back to, and what it was before it did. */
export interface Fallback {
  readonly asked: Leg;
  readonly left: ModelRoute[];
}
