import { z } from 'zod';
import { exportStatementSchema } from '../export-signature.ts';

/** What an export can be narrowed to. */
export const exportDimensions = [
  'consumer',
  'cost-centre',
  'product',
  'subscription',
  'model',
  'endpoint',
  'deployment',
  'resource',
  'deployment-type',
  'region',
  'operation',
  'outcome',
] as const;
export type ExportDimension = (typeof exportDimensions)[number];

export const exportKinds = exportStatementSchema.shape.kind.options;
export type ExportKind = (typeof exportKinds)[number];

export const exportProfiles = ['provider', 'internal-invoice'] as const;
export type ExportProfile = (typeof exportProfiles)[number];

const moment =
  'an RFC 3339 time; or `2026-11-23`, `2026-11` or `2026`, which mean their beginning in the time zone of the organisation';

/** Texts, of which the gateway says everything that is wrong at once. */
const period = {
  month: z.string().optional().describe('`2026-11`: a month of the organisation. Instead of `from` and `to`.'),
  from: z.string().optional().describe(`The beginning, inclusive: ${moment}.`),
  to: z.string().optional().describe('The end, exclusive: the same.'),
};

const filter = z
  .union([z.string(), z.array(z.string())])
  .optional()
  .describe(
    '`dimension=value`, any number of times: values of one dimension are alternatives, several dimensions have all to ' +
      `fit. Dimensions: ${exportDimensions.map((one) => `\`${one}\``).join(', ')}. A cost centre is named as in the ` +
      'configuration or by its path, and stands for all below it; `cost-centre==contoso/sales` for itself alone.',
  );

const waitMs = z.coerce
  .number()
  .int()
  .min(0)
  .max(60_000)
  .default(5_000)
  .describe('How long to wait for the store to catch up with the journal.');

/** `GET /admin/v1/exports/csv`, `…/json` */
export const exportQuerySchema = z.strictObject({ ...period, filter, waitMs });
export type ExportQuery = z.output<typeof exportQuerySchema>;

/** `GET /admin/v1/exports/focus` */
export const focusQuerySchema = z.strictObject({
  ...period,
  filter,
  profile: z
    .enum(exportProfiles)
    .default('provider')
    .describe('Who issues the invoice: Microsoft, or your organisation to its own consumers.'),
  waitMs,
});

/** `GET /admin/v1/exports/statement` */
export const statementQuerySchema = z.strictObject({
  month: period.month,
  costCentre: z
    .string()
    .optional()
    .describe('Whose statement: a name of the configuration, or a path; it covers all below. Default: everybody.'),
  format: z.enum(['html', 'csv']).default('html').describe('A page to print, or its lines alone.'),
  waitMs,
});

/** `GET /admin/v1/exports/signature` */
export const signatureQuerySchema = z.strictObject({
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits')
    .describe('Of the bytes of an export that this gateway has just made.'),
});
