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

/** Everything up to the reply. One function and no call per section: a request runs through here a thousand times a second. */
async function runToReply(pipeline: Pipeline, context: PolicyContext): Promise<Reply> {
  for (const section of forwardSections) {
    for (const step of pipeline[section]) {
      const waiting = step.run(context);
      if (waiting !== undefined) await waiting;
    }
  }
  if (context.reply === undefined) throw new Failure('policy_failed', 'The backend section made no call.');
  return context.reply;
}

async function runOnError(pipeline: Pipeline, context: PolicyContext): Promise<void> {
  for (const step of pipeline['on-error']) await step.run(context);
}

/**
 * inbound → backend → outbound, and on-error for whatever fails on the way. Returns the reply to deliver; throws the
 * Failure to tell the client. A reply that nobody will deliver is discarded, so that its attempt is settled.
 */
export async function runPipeline(pipeline: Pipeline, context: PolicyContext): Promise<Reply> {
  try {
    return await runToReply(pipeline, context);
  } catch (thrown) {
    await context.reply?.discard();
    context.reply = undefined;
    context.failure = toFailure(thrown);
    await runOnError(pipeline, context);
    throw context.failure;
  }
}
