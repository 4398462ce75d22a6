import { z } from 'zod';

const capacity = z.number().int().nonnegative();

/** What a region has of one model: versions, the deployment types of each, and the quota that is left. */
const modelSchema = z.strictObject({
  name: z.string(),
  version: z.string(),
  types: z.array(z.string()).describe('Deployment types: GlobalStandard, …'),
});

export const resourceManagerSchema = z.strictObject({
  subscription: z.string().default('00000000-0000-4000-8000-000000000000'),
  regions: z
    .record(
      z.string(),
      z.strictObject({
        zones: z.boolean().default(true),
        models: z.array(modelSchema).default([]),
        quota: z
          .record(z.string(), z.strictObject({ used: capacity.default(0), limit: capacity }))
          .default({})
          .describe(
            'By name, as Azure calls it: `OpenAI.GlobalStandard.gpt-5.4-mini`, `OpenAI.GlobalProvisionedManaged`.',
          ),
      }),
    )
    .default({})
    .describe('Regions of the subscription.'),
  permissions: z
    .array(z.strictObject({ actions: z.array(z.string()), notActions: z.array(z.string()).default([]) }))
    .default([{ actions: ['*'], notActions: [] }])
    .describe('What the caller may do.'),
  notRegistered: z
    .array(z.string())
    .default([])
    .describe(
      'Resource providers that the subscription has not registered: `Microsoft.Web`. Whatever is below them answers 409.',
    ),
  pageLength: z
    .number()
    .int()
    .positive()
    .default(1000)
    .describe('Entries of a list in one page; more have a `nextLink`.'),
  deletedAccounts: z
    .array(
      z.strictObject({ name: z.string(), location: z.string(), tags: z.record(z.string(), z.string()).default({}) }),
    )
    .default([])
    .describe('Azure OpenAI accounts that are deleted and can be restored: their names are taken.'),
  deleted: z
    .record(z.string(), z.array(z.record(z.string(), z.unknown())))
    .default({})
    .describe(
      'What else is deleted and keeps its name, as Azure lists it: by `Microsoft.KeyVault/deletedVaults`, ' +
        '`Microsoft.AppConfiguration/deletedConfigurationStores`, `Microsoft.ApiManagement/deletedservices`.',
    ),
  resources: z
    .record(z.string(), z.record(z.string(), z.unknown()))
    .default({})
    .describe('Resources by id, that can be read and patched.'),
});
export type ResourceManagerSettings = z.output<typeof resourceManagerSchema>;
