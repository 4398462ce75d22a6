import { z } from 'zod';

const instant = z.string().regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{3})?Z$/);
const amount = z
  .string()
  .regex(/^-?\d+$/)
  .nullable();

/**
 * What is signed of an export. Texts, whole numbers, null, objects and lists only, so that there is one way to write it.
 */
export const exportStatementSchema = z.strictObject({
  format: z.literal('tollgate-export-1').describe('The form of this statement.'),
  kind: z.enum(['focus', 'csv', 'json', 'statement-csv', 'statement-html']).describe('What the file is.'),
  organisation: z.string().describe('Whose ledger it is made from.'),
  from: instant.describe('The period, inclusive.'),
  to: instant.describe('The period, exclusive.'),
  timeZone: z.string().describe('Where its months begin.'),
  filter: z
    .array(z.string())
    .describe('`dimension=value`: only what has one of the values in each of these dimensions; empty: everything.'),
  profile: z.string().nullable().describe('FOCUS: who issues the invoice; null elsewhere.'),
  rows: z.number().int().nonnegative().describe('Rows of the file.'),
  totals: z
    .strictObject({
      costNanoUsd: amount.describe('What the report calls the cost, 10^-9 USD.'),
      listNanoUsd: amount.describe('At list prices.'),
      internalNanoUsd: amount.describe('At internal rates.'),
    })
    .describe('Sums over the file; null: no row of it has an amount there. Not 0: it is not known.'),
  unsettled: z
    .number()
    .int()
    .nonnegative()
    .describe('Settled attempts that the store did not hold yet when the file was made: they are not in it.'),
  madeAt: instant.describe('When.'),
  madeBy: z.string().describe('The version of Tollgate.'),
  bytes: z.number().int().nonnegative().describe('The size of the file.'),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .describe('Of its bytes.'),
});
export type ExportStatement = z.infer<typeof exportStatementSchema>;

/** What stands in `<file>.sig.json`. */
export const exportSignatureSchema = z.strictObject({
  algorithm: z.literal('Ed25519').describe('RFC 8032; the signed bytes are the canonical text of `signed`.'),
  keyId: z.string().describe('The first 32 hexadecimal digits of the SHA-256 of the public key (DER).'),
  signature: z.string().describe('Base64.'),
  signed: exportStatementSchema,
});
export type ExportSignature = z.infer<typeof exportSignatureSchema>;

/** `GET /admin/v1/exports/key` */
export const exportKeySchema = z.object({
  keyId: z.string().describe('What signatures and statements name.'),
  publicKey: z.string().describe('PEM (SPKI).'),
});
export type ExportKey = z.infer<typeof exportKeySchema>;

/**
 * The one way to write a JSON value without fractions: members sorted by name, no white space. The same as RFC 8785 and
 * as `jq -cSj` for what a statement holds.
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return `{${members.map(([name, one]) => `${JSON.stringify(name)}:${canonicalJson(one)}`).join(',')}}`;
}
