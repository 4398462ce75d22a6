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
