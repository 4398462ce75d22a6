import { z } from 'zod';
import { unitSchema } from './budgets.ts';

const amount = (what: string) => z.string().describe(`${what}; a whole number in the unit, as a decimal string.`);

export const gatewayAccountSchema = z.object({
  budget: z.string().describe('Node and name: `consumer/marketing/month`.'),
  unit: unitSchema,
  windowStart: z.string().describe('RFC 3339, UTC.'),
  windowEnd: z.string().describe('RFC 3339, UTC.'),
  granted: amount('What it may spend without asking, what it has spent included'),
  spent: amount('What it has said that it spent'),
  unknown: amount('What calls that are over may have used beyond what is known'),
  inFlight: amount('Reserved by calls that were under way when it was last heard'),
  outstanding: amount('`granted` − `spent` − `unknown`: what nobody else may spend'),
});
export type GatewayAccount = z.infer<typeof gatewayAccountSchema>;

export const countingGatewaySchema = z.object({
  journal: z.string().describe('The id of its journal.'),
  self: z.boolean().describe('The gateway that answers.'),
  heard: z.boolean().describe('False where it has not been heard for three leases.'),
  silentSeconds: z.number().int().describe('Since it was last heard.'),
  accounts: z.array(gatewayAccountSchema).describe('Budgets and windows in which something is outstanding.'),
});
export type CountingGateway = z.infer<typeof countingGatewaySchema>;

/** `GET /admin/v1/counters` */
export const counterListSchema = z.object({
  shared: z.boolean().describe('False where this gateway counts for itself: then there is no other.'),
  gateways: z.array(countingGatewaySchema).describe('Those that count with the same counters, or have.'),
});
export type CounterList = z.infer<typeof counterListSchema>;

/** `POST /admin/v1/counters/write-off` */
export const writeOffGatewaySchema = z.strictObject({
  journal: z.string().min(1).describe('The id of a journal whose gateway is gone for good.'),
  reason: z.string().trim().min(1).max(500).describe('Why; it stands on the audit trail.'),
});
export type WriteOffGateway = z.infer<typeof writeOffGatewaySchema>;

export const writtenOffGatewaySchema = z.object({
  journal: z.string().describe('The id of its journal.'),
  accounts: z.array(gatewayAccountSchema).describe('As they stood before: `outstanding` is what others may spend now.'),
});
export type WrittenOffGateway = z.infer<typeof writtenOffGatewaySchema>;
