import { z } from 'zod';

/** Names are what people type and what reports show: lower-case, digits and dashes, at most 64 characters. */
export const nameSchema = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/,
    'lower-case letters, digits and dashes, at most 64 characters, no dash at either end',
  );

export const subscriptionStates = ['active', 'suspended', 'expired'] as const;
export const keySlots = ['primary', 'secondary'] as const;
export type KeySlot = (typeof keySlots)[number];
export type SubscriptionState = (typeof subscriptionStates)[number];

const declaredIn = z
  .enum(['config', 'admin'])
  .describe('Where it is declared; what the configuration file declares is read-only here.');

export const subscriptionSchema = z.object({
  name: nameSchema,
  product: nameSchema,
  consumer: nameSchema.describe('The team or application that is charged.'),
  costCentre: z.string(),
  state: z.enum(subscriptionStates),
  expiresAt: z.string().nullable().describe('RFC 3339, UTC; null never expires.'),
  declaredIn,
  keys: z
    .object({ primary: z.boolean(), secondary: z.boolean() })
    .describe('Which keys exist. Keys themselves are shown once, when they are made.'),
  createdAt: z.string().nullable(),
});
export type Subscription = z.infer<typeof subscriptionSchema>;

export const createSubscriptionSchema = z.strictObject({
  name: nameSchema,
  product: nameSchema,
  consumer: nameSchema,
  costCentre: nameSchema,
  expiresAt: z.iso.datetime().optional(),
});
export type CreateSubscription = z.infer<typeof createSubscriptionSchema>;

/** The only two replies that ever hold a key. */
export const newKeysSchema = z.object({
  subscription: nameSchema,
  keys: z
    .object({ primary: z.string().optional(), secondary: z.string().optional() })
    .describe('Shown once; only hashes are stored.'),
});
export type NewKeys = z.infer<typeof newKeysSchema>;

export const productSchema = z.object({
  name: nameSchema,
  models: z.array(z.string()),
  caps: z.object({
    maxOutputTokens: z.number().int().positive().nullable(),
    maxChoices: z.number().int().positive().nullable(),
    maxRequestBytes: z.number().int().positive().nullable(),
  }),
  unpriced: z.enum(['refuse', 'allow-and-flag']),
  declaredIn,
});
export type Product = z.infer<typeof productSchema>;

export const createProductSchema = z.strictObject({
  name: nameSchema,
  models: z.array(z.string()).min(1),
  caps: z
    .strictObject({
      maxOutputTokens: z.number().int().positive().optional(),
      maxChoices: z.number().int().positive().optional(),
      maxRequestBytes: z.number().int().positive().optional(),
    })
    .optional(),
  unpriced: z.enum(['refuse', 'allow-and-flag']).optional(),
});
export type CreateProduct = z.infer<typeof createProductSchema>;
