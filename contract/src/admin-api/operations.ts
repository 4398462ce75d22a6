import { z } from 'zod';
import { ledgerLagSchema } from '../usage.ts';
import { backupReportSchema, ledgerProblemSchema } from './ledger.ts';

export const priceSchema = z.object({
  id: z.string().describe('What a cost line refers to.'),
  layer: z
    .enum(['list', 'contracted', 'internal'])
    .describe('A contracted price wins over the list; `internal` is what is charged inside.'),
  model: z.string().describe('The base model.'),
  modelVersion: z.string().nullable().describe('null: every version.'),
  deploymentType: z.string().describe('`GlobalStandard`, `DataZoneStandard`, `ProvisionedManaged`, …'),
  region: z
    .string()
    .nullable()
    .describe('A region, several (`eastus,westus`) or a data zone (`zone:eu`); null: every region.'),
  serviceTier: z.string().nullable().describe('null: the default tier.'),
  mode: z.enum(['online', 'batch']).describe('How the call was made.'),
  minInputTokens: z
    .number()
    .int()
    .nullable()
    .describe('The price of a whole request with at least so many input tokens (long context); null: of any.'),
  meter: z.string().describe('The unit that is priced: `input`, `cachedInput`, `output`, …'),
  nanoUsdPerMillion: z.string().describe('10^-9 USD per million units, a decimal string.'),
  effectiveFrom: z.string().describe('Inclusive.'),
  effectiveTo: z.string().nullable().describe('Exclusive; null: until further notice.'),
  source: z.string().describe('Where the price was read, and when.'),
  meterIds: z.array(z.string()).describe("Azure's own ids of the meter, where the price was read from its list."),
});
export type PriceRow = z.infer<typeof priceSchema>;

/** `GET /admin/v1/prices` */
export const priceListSchema = z.object({
  priceBook: z.string().describe('The price book in force; every attempt names the one it settled with.'),
  prices: z.array(priceSchema).describe('Every price of the book.'),
  internalRates: z
    .array(
      z.object({
        id: z.string().describe('What a cost line refers to.'),
        margin: z.string().describe('`12.5%` on top of what is paid.'),
        product: z.string().nullable().describe('null: every product.'),
        model: z.string().nullable().describe('null: every model.'),
        effectiveFrom: z.string().describe('Inclusive.'),
      }),
    )
    .describe('What is charged inside where no price of the layer `internal` is.'),
  provisioned: z
    .array(
      z.object({
        deploymentType: z.string().describe('`GlobalProvisionedManaged`, …'),
        region: z.string().nullable().describe('As of a price.'),
        nanoUsdPerUnitHour: z.string().describe('10^-9 USD for one unit and hour, a decimal string.'),
        effectiveFrom: z.string().describe('Inclusive.'),
        effectiveTo: z.string().nullable().describe('Exclusive; null: until further notice.'),
        source: z.string().describe('Where the price was read, and when.'),
      }),
    )
    .describe('List prices of provisioned throughput units.'),
  notPriced: z
    .array(
      z.object({
        model: z.string().describe('The model, or `every model`.'),
        type: z.string().describe('Deployment types and tiers, in words.'),
        meters: z.array(z.string()).describe('`all`, or those that are meant.'),
        why: z.string().describe('Why there is no price.'),
      }),
    )
    .describe('What was looked for and not confirmed: charged to nobody, unpriced where it is used.'),
  unpricedEndpoints: z
    .array(
      z.object({
        endpoint: z.string().describe('Its name in the configuration.'),
        model: z.string().describe('The base model.'),
        deploymentType: z.string().describe('`GlobalStandard`, …'),
        region: z.string().describe('Its region.'),
        meters: z.array(z.string()).describe('The meters of an ordinary call that have no price now.'),
      }),
    )
    .describe('Endpoints whose ordinary calls cannot be priced now.'),
});
export type PriceList = z.infer<typeof priceListSchema>;

export const ledgerVerifySchema = z.object({
  ok: z.boolean().describe('Journal and store agree; what is merely still on its way (`lag`) is no disagreement.'),
  journal: z
    .object({
      segments: z.number().int().describe('Files of the journal, archived ones included.'),
      archived: z.number().int().describe('Those of them that are archived.'),
      removed: z
        .object({
          segments: z.number().int().describe('Archived files that retention has removed.'),
          records: z.number().int().describe('Records that stood in them: they can no longer be compared.'),
          to: z.string().nullable().describe('When the last of them was admitted (RFC 3339, UTC).'),
        })
        .nullable()
        .describe('null: retention has removed nothing.'),
      opened: z.number().int().describe('Attempts admitted.'),
      settled: z.number().int().describe('Attempts with their record.'),
      open: z.number().int().describe('Attempts without a settle: in flight now, or lost.'),
      damaged: z
        .array(
          z.object({
            segment: z.string().describe('The file.'),
            offset: z.number().int().describe('Where the damage begins, bytes.'),
            bytes: z.number().int().describe('How far it reaches.'),
          }),
        )
        .describe('What cannot be read; every intact record after it counts.'),
      tornTailBytes: z.number().int().describe('Bytes of a last record that was cut off by a crash: it never counted.'),
    })
    .describe('What the journal holds.'),
  store: z
    .object({
      records: z.number().int().describe('Attempts with their record.'),
      rollUpAttempts: z.number().int().describe('Attempts by the sums that reports are made of.'),
    })
    .describe('What the store holds.'),
  sums: z
    .array(
      z.object({
        meter: z.string().describe('The unit that is summed, or `costNanoUsd`.'),
        journal: z.string().describe('Over the records of the journal, a decimal string.'),
        store: z.string().describe('Over the records of the store.'),
        rollUp: z.string().describe('Over the sums that reports are made of.'),
      }),
    )
    .describe('One row per meter.'),
  lag: ledgerLagSchema,
  problems: z.array(ledgerProblemSchema).describe('Everything that is wrong; empty where `ok`.'),
});
export type LedgerVerification = z.infer<typeof ledgerVerifySchema>;

export const ledgerWorkSchema = z.object({
  id: z.string().describe('Its name, to ask for it again; the last ten are remembered.'),
  kind: z.enum(['verify', 'backup', 'reship']).describe('What is done.'),
  state: z.enum(['running', 'done', 'failed']).describe('One piece of work runs at a time.'),
  startedAt: z.string().describe('RFC 3339, UTC.'),
  doneBytes: z.number().int().nonnegative().describe('How much of it is done.'),
  totalBytes: z.number().int().nonnegative().describe('How much there is to do; 0 as long as that is not known.'),
  error: z.string().nullable().describe('Why it failed.'),
  verification: ledgerVerifySchema.nullable().describe('What a verification has found.'),
  backup: backupReportSchema.nullable().describe('The backup that was made.'),
});
export type LedgerWork = z.infer<typeof ledgerWorkSchema>;

export const versionSchema = z.object({
  name: z.literal('tollgate').describe('Which program answers.'),
  version: z.string().describe('The version of Tollgate.'),
  node: z.string().describe('The version of the runtime.'),
  startedAt: z.string().describe('RFC 3339, UTC.'),
});
export type Version = z.infer<typeof versionSchema>;

export const configInForceSchema = z.object({
  source: z.string().describe('The file that it was read from.'),
  loadedAt: z.string().describe('RFC 3339, UTC.'),
  lastReload: z
    .object({
      at: z.string().describe('RFC 3339, UTC.'),
      ok: z.boolean().describe('Whether it was accepted.'),
      problems: z.array(z.string()).describe('In words.'),
    })
    .nullable()
    .describe('The last attempt to reload; a bad one keeps the old configuration.'),
  config: z.unknown().describe('The resolved configuration; secrets are masked.'),
});
export type ConfigInForce = z.infer<typeof configInForceSchema>;

/** `POST /admin/v1/config/reload` */
export const configReloadSchema = z.object({
  ok: z.boolean().describe('False: the file was not accepted, the old configuration stays in force.'),
  problems: z.array(z.string()).describe('Everything that is wrong; may hold warnings although `ok`.'),
});
export type ConfigReload = z.infer<typeof configReloadSchema>;

/** `GET /healthz` and `GET /readyz` on the admin port. */
export const healthSchema = z.object({
  status: z.literal('ok').describe('The process answers.'),
  ready: z.boolean().describe('The data plane serves requests.'),
});
export type Health = z.infer<typeof healthSchema>;

export const adminErrorSchema = z.object({
  error: z
    .object({
      code: z.string().describe('One of the closed list of error codes.'),
      message: z.string().describe('For people.'),
      id: z.string().describe('Found in the log, with what must not be shown here.'),
      details: z.array(z.string()).optional().describe('Everything that is wrong with the request, one entry each.'),
    })
    .describe('Why the request was not carried out.'),
});
export type AdminError = z.infer<typeof adminErrorSchema>;
