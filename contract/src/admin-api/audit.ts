import { z } from 'zod';

/** What the audit trail knows of. */
export const auditActions = [
  'product.create',
  'subscription.declare',
  'subscription.create',
  'subscription.suspend',
  'subscription.activate',
  'key.regenerate',
  'config.reload',
  'ledger.backup',
  'ledger.reship',
  'deployment.override',
  'deployment.reset',
  'ledger.write-off',
  'counters.write-off',
  'batches.write-off',
  'ledger.rerate',
  'ptu.allocate',
  'prices.sync',
  'limits.change',
  'budget.top-up',
  'budget.top-up-revoke',
] as const;
export type AuditAction = (typeof auditActions)[number];

/** Who did it: the holder of the admin token, or the configuration file when it was read. */
export const auditActors = ['admin-token', 'configuration'] as const;
export type AuditActor = (typeof auditActors)[number];

export const auditEntrySchema = z.object({
  id: z.number().int().positive().describe('Grows with every entry, without gaps.'),
  at: z.string().describe('RFC 3339, UTC.'),
  actor: z.enum(auditActors).describe('`configuration`: the configuration file, when it was read.'),
  action: z.enum(auditActions).describe('What was done.'),
  subject: z
    .string()
    .describe(
      'What was changed: `subscription/marketing-web`, `subscription/marketing-web/primary`, a folder; for corrections of the ledger, limits and top-ups, what and why, too.',
    ),
});
export type AuditEntry = z.infer<typeof auditEntrySchema>;

/** `GET /admin/v1/audit` */
export const auditQuerySchema = z.strictObject({
  before: z.coerce.number().int().positive().optional().describe('Only entries with a smaller id: the next page.'),
  limit: z.coerce.number().int().min(1).max(1000).default(100).describe('Entries in the reply, at most.'),
});
export type AuditQuery = z.infer<typeof auditQuerySchema>;

export const auditPageSchema = z.object({
  entries: z.array(auditEntrySchema).describe('The newest first.'),
  next: z.number().int().positive().nullable().describe('`before` of the next page; null where nothing is older.'),
});
export type AuditPage = z.infer<typeof auditPageSchema>;
