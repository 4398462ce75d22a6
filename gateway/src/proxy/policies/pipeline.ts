import { Failure, toFailure } from '#kernel/errors.ts';
import type { Reply } from '#model/reply.ts';
import type { PolicyContext, PolicyStep, Section } from './policy.ts';

const forwardSections = ['inbound', 'backend', 'outbound'] as const satisfies readonly Section[];

/** The steps of a request, by section; each list in the order in which it runs. */
export type Pipeline = Readonly<Record<Section, readonly PolicyStep[]>>;

/** Sorts steps into their sections, keeping the order of the list. */
export function pipelineOf(steps: readonly PolicyStep[]): Pipeline {
  const of = (section: Section): readonly PolicyStep[] => steps.filter((step) => step.section === section);
  return { inbound: of('inbound'), backend: of('backend'), outbound: of('outbound'), 'on-error': of('on-error') };
}

async function fail(pipeline: Pipeline, context: PolicyContext, thrown: unknown): Promise<never> {
  await context.reply?.discard();
  context.reply = undefined;
  context.failure = toFailure(thrown);
  for (const step of pipeline['on-error']) await step.run(context);
  throw context.failure;
}

/**
 * inbound → backend → outbound, and on-error for whatever fails on the way. Returns the reply to deliver; throws the
 * Failure to tell the client. A reply that nobody will deliver is discarded, so that its attempt is settled.
 */
export async function runPipeline(pipeline: Pipeline, context: PolicyContext): Promise<Reply> {
  try {
    for (const section of forwardSections) {
      for (const step of pipeline[section]) {
        const waiting = step.run(context);
        // Most steps do not wait, and a turn of the microtask queue for each would be felt.
        if (waiting !== undefined) await waiting;
      }
    }
    if (context.reply === undefined) throw new Failure('policy_failed', 'The backend section made no call.');
    return context.reply;
  } catch (thrown) {
    return fail(pipeline, context, thrown);
  }
}
