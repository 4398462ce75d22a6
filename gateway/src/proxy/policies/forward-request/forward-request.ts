import type { PolicyStep } from '#proxy/policies/policy.ts';

/** The backend section's default step: calls the model once. */
export const forwardRequest = {
  name: 'forward-request',
  section: 'backend',
  async run(context) {
    context.reply = await context.forward();
  },
} as const satisfies PolicyStep;
