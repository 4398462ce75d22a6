import { z } from 'zod';
import { exportStatementSchema } from '../export-signature.ts';

export const exportKinds = exportStatementSchema.shape.kind.options;
export type ExportKind = (typeof exportKinds)[number];

export const exportProfiles = ['provider', 'internal-invoice'] as const;
export type ExportProfile = (typeof exportProfiles)[number];

export const statementFormats = ['html', 'csv'] as const;

const moment =
  'an RFC 3339 time; or `2026-11-23`, `2026-11`, `2026`, `today`, `yesterday`, which mean their beginning in the time zone ' +
  'of the organisation; or `now`';

/** What an export is of; checked by whoever makes it, who tells everything that is wrong at once. */
const subject = {
  month: z.string().optional().describe('`2026-11`: a month of the organisation. Instead of `from` and `to`.'),
  from: z.string().optional().describe(`The beginning, inclusive: ${moment}.`),
  to: z.string().optional().describe('The end, exclusive: the same.'),
  filter: z
    .union([z.string(), z.array(z.string())])
    .optional()
    .describe('`dimension=value`, any number of times: as of `GET /admin/v1/usage`, but for end users.'),
};

const waitMs = z
  .string()
  .optional()
  .describe('How long to wait, at most 60000 ms, for the store to catch up with the journal. Default: 5000.');

/** `GET /admin/v1/exports/csv`, `…/json` */
export const exportQuerySchema = z.strictObject({ ...subject, waitMs });

/** `GET /admin/v1/exports/focus` */
export const focusQuerySchema = z.strictObject({
  ...subject,
  profile: z
    .string()
    .optional()
    .describe(
      'Who issues the invoice: Microsoft (`provider`, the default), or your organisation to its own consumers ' +
        '(`internal-invoice`).',
    ),
  waitMs,
});

/** `GET /admin/v1/exports/statement` */
export const statementQuerySchema = z.strictObject({
  month: subject.month,
  costCentre: z
    .string()
    .optional()
    .describe('Whose statement: a name of the configuration, or a path; it covers all below. Default: everybody.'),
  format: z.string().optional().describe('`html`, a page to print (the default), or `csv`, its lines alone.'),
  waitMs,
});

/** `GET /admin/v1/exports/signature` */
export const signatureQuerySchema = z.strictObject({
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits')
    .describe('Of the bytes of an export that this gateway has just made.'),
});
