import { Failure, toFailure } from '#kernel/errors.ts';
import type { Reply } from '#model/reply.ts';
import type { PolicyContext, PolicyStep, Section } from './policy.ts';

/** The steps of a request, in the order in which they run. */
export interface Pipeline {
  readonly inbound: readonly PolicyStep[];
  /** All of inbound, backend and outbound, one after the other. */
  readonly onward: readonly PolicyStep[];
  readonly onError: readonly PolicyStep[];
}

/** Sorts steps by their sections, keeping the order of the list. */
export function pipelineOf(steps: readonly PolicyStep[]): Pipeline {
  const of = (section: Section): readonly PolicyStep[] => steps.filter((step) => step.section === section);
  const inbound = of('inbound');
  return { inbound, onward: [...inbound, ...of('backend'), ...of('outbound')], onError: of('on-error') };
}

async function fail(pipeline: Pipeline, context: PolicyContext, thrown: unknown): Promise<never> {
  await context.reply?.discard();
  context.reply = undefined;
  context.failure = toFailure(thrown);
  for (const step of pipeline.onError) await step.run(context);
  throw context.failure;
}

/**
 * inbound → backend → outbound, and on-error for whatever fails on the way. Returns the reply to deliver; throws the
 * Failure to tell the client. A reply that nobody will deliver is discarded, so that its attempt is settled.
 */
export async function runPipeline(pipeline: Pipeline, context: PolicyContext): Promise<Reply> {
  try {
    for (const step of pipeline.onward) {
      const waiting = step.run(context);
      // Most steps do not wait, and a turn of the microtask queue for each would be felt.
      if (waiting !== undefined) await waiting;
    }
    if (context.reply === undefined) throw new Failure('policy_failed', 'The backend section made no call.');
    return context.reply;
  } catch (thrown) {
    return fail(pipeline, context, thrown);
  }
}
