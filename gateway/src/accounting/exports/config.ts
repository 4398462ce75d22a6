import { z } from 'zod';
import type { ConfigSection } from '#kernel/config-section.ts';

const keys = {
  exports: z
    .strictObject({
      organisationName: z
        .string()
        .min(1)
        .max(200)
        .optional()
        .describe('What statements and FOCUS files call the organisation. Default: `organisation`.'),
      billingAccountId: z
        .string()
        .min(1)
        .max(200)
        .optional()
        .describe(
          'The `BillingAccountId` of FOCUS files: that of the Azure billing account that pays. Default: `organisation`.',
        ),
      statementNote: z
        .string()
        .min(1)
        .max(1000)
        .optional()
        .describe('What stands at the foot of every statement: whom to ask, how to pay.'),
    })
    .prefault({})
    .describe('What exports for finance say of the organisation.'),
};

export const exportsConfig: ConfigSection<typeof keys> = {
  name: 'exports',
  summary:
    'Statements, FOCUS files and other exports: see [exports.md](../exports.md). Their months begin in `timeZone`.',
  keys,
  references: [],
  check: () => [],
};
