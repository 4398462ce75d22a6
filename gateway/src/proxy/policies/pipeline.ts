import { Failure, toFailure } from '#kernel/errors.ts';
import type { Reply } from '#model/reply.ts';
import { sections, type PolicyContext, type PolicyStep, type Section } from './policy.ts';

/** The steps of a request, by section; each list in the order in which it runs. */
export type Pipeline = Readonly<Record<Section, readonly PolicyStep[]>>;

/** Sorts steps into their sections, keeping the order of the list. */
export function pipelineOf(steps: readonly PolicyStep[]): Pipeline {
  const of = (section: Section): readonly PolicyStep[] => steps.filter((step) => step.section === section);
  return { inbound: of('inbound'), backend: of('backend'), outbound: of('outbound'), 'on-error': of('on-error') };
}

async function runSection(steps: readonly PolicyStep[], context: PolicyContext): Promise<void> {
  for (const step of steps) {
    const waiting = step.run(context);
    if (waiting !== undefined) await waiting;
  }
}

async function runToReply(pipeline: Pipeline, context: PolicyContext): Promise<Reply> {
  for (const section of sections) {
    if (section !== 'on-error') await runSection(pipeline[section], context);
  }
  if (context.reply === undefined) throw new Failure('policy_failed', 'The backend section made no call.');
  return context.reply;
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
    await runSection(pipeline['on-error'], context);
    throw context.failure;
  }
}
