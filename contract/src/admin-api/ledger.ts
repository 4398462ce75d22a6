import { z } from 'zod';

/** What `ledger verify` can find. Documented, with what to do, in docs/ledger-operations.md. */
export const ledgerFaults = [
  'damage',
  'torn-tail',
  'missing-segment',
  'foreign-segment',
  'missing-archive',
  'altered-archive',
  'unlisted-archive',
  'unreadable-manifest',
  'lost-open',
  'lost-settle',
  'settled-twice',
  'missing-in-store',
  'missing-in-journal',
  'removed-not-stored',
  'different',
  'wrong-roll-ups',
  'wrong-sum',
] as const;
export type LedgerFault = (typeof ledgerFaults)[number];

export const ledgerProblemSchema = z.object({
  fault: z.enum(ledgerFaults).describe('What kind of fault it is.'),
  count: z.number().int().positive().describe('How often it was found.'),
  what: z.string().describe('What is wrong, in words.'),
  remedy: z.string().describe('What to do about it.'),
  where: z.array(z.string()).describe('Ids, files or sums that are concerned: at most 100.'),
});
export type LedgerProblem = z.infer<typeof ledgerProblemSchema>;

export const backupReportSchema = z.object({
  folder: z.string().describe('Where the backup is, on the machine of the gateway.'),
  madeAt: z.string().describe('RFC 3339, UTC. Everything that was settled before is in it.'),
  files: z.number().int().nonnegative().describe('Files in it, the manifest not counted.'),
  bytes: z.number().int().nonnegative().describe('Their size.'),
  store: z.enum(['sqlite', 'postgresql']).describe('The kind of the store.'),
  storeCopied: z.boolean().describe('False: the store is a server of its own, and not in the backup.'),
  notes: z.array(z.string()).describe('What else has to be done for a whole backup.'),
});
export type BackupReport = z.infer<typeof backupReportSchema>;

/** `POST /admin/v1/ledger/work` */
export const ledgerWorkRequestSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('verify').describe('Compare journal, archives and store.') }),
  z.strictObject({
    kind: z.literal('backup').describe('Copy store and journal while they are used.'),
    folder: z
      .string()
      .min(1)
      .max(4096)
      .describe('An absolute path on the machine of the gateway, of a folder that is empty or does not exist yet.'),
  }),
  z.strictObject({
    kind: z
      .literal('reship')
      .describe('Ship the whole journal to the store again: what it lacks is added, what it has stays as it is.'),
  }),
]);
export type LedgerWorkRequest = z.infer<typeof ledgerWorkRequestSchema>;

/** `GET /admin/v1/ledger/work/{id}` */
export const ledgerWorkQuerySchema = z.strictObject({
  waitMs: z.coerce
    .number()
    .int()
    .min(0)
    .max(60_000)
    .default(0)
    .describe('How long to wait for its end before answering how far it is.'),
});
