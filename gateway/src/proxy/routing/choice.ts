import type { Member } from './balancers/balancer.ts';
import type { Lease } from './endpoint-state.ts';
import type { TraceStep } from './trace.ts';

/** Where an attempt goes. The lease has begun: whoever takes it ends it, also where the attempt is not made after all. */
export interface Choice {
  readonly member: Member;
  readonly lease: Lease;
  /** Where what comes of it is written; undefined where nobody keeps it. */
  readonly step: TraceStep | undefined;
}
