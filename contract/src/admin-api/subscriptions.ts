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
  name: nameSchema.describe('Its id; never given twice.'),
  product: nameSchema.describe('What it may use, and on which terms.'),
  consumer: nameSchema.describe('The team or application that is charged.'),
  costCentre: z.string().describe('The path from the organisation down: `contoso/marketing`.'),
  state: z.enum(subscriptionStates).describe('A suspended subscription says so even when it has expired too.'),
  expiresAt: z.string().nullable().describe('RFC 3339, UTC; null never expires.'),
  declaredIn,
  keys: z
    .object({
      primary: z.boolean().describe('Whether there is one.'),
      secondary: z.boolean().describe('Whether there is one.'),
    })
    .describe('Which keys exist. Keys themselves are shown once, when they are made.'),
  createdAt: z.string().nullable().describe('RFC 3339, UTC; null where the configuration file declares it.'),
});
export type Subscription = z.infer<typeof subscriptionSchema>;

/** `GET /admin/v1/subscriptions` */
export const subscriptionListSchema = z.object({ subscriptions: z.array(subscriptionSchema).describe('By name.') });
export type SubscriptionList = z.infer<typeof subscriptionListSchema>;

export const createSubscriptionSchema = z.strictObject({
  name: nameSchema.describe('Never used before: names of subscriptions are not given twice.'),
  product: nameSchema.describe('An existing product.'),
  consumer: nameSchema.describe('The team or application that is charged.'),
  costCentre: nameSchema.describe('The name of a cost centre that the configuration declares.'),
  expiresAt: z.iso.datetime().optional().describe('In the future, UTC; absent never expires.'),
});
export type CreateSubscription = z.infer<typeof createSubscriptionSchema>;

/** The only two replies that ever hold a key. */
export const newKeysSchema = z.object({
  subscription: nameSchema.describe('Whose keys they are.'),
  keys: z
    .object({
      primary: z.string().optional().describe('Absent where it was not made now.'),
      secondary: z.string().optional().describe('Absent where it was not made now.'),
    })
    .describe('Shown once; only hashes are stored.'),
});
export type NewKeys = z.infer<typeof newKeysSchema>;

const limit = z.number().int().positive();

export const productSchema = z.object({
  name: nameSchema.describe('Its id.'),
  models: z.array(z.string()).describe('The names of the models that may be called.'),
  caps: z
    .object({
      maxOutputTokens: limit.nullable().describe('Output tokens that one call may ask for; null is no cap.'),
      maxChoices: limit.nullable().describe('Choices (`n`, `best_of`) of one call; null is no cap.'),
      maxRequestBytes: limit.nullable().describe('Bytes of one request body; null leaves the limit of the listener.'),
    })
    .describe('What one call may ask for at most.'),
  unpriced: z
    .enum(['refuse', 'allow-and-flag'])
    .describe('What happens to a call that a deployment without a price may serve.'),
  declaredIn,
});
export type Product = z.infer<typeof productSchema>;

/** `GET /admin/v1/products` */
export const productListSchema = z.object({ products: z.array(productSchema).describe('By name.') });
export type ProductList = z.infer<typeof productListSchema>;

export const createProductSchema = z.strictObject({
  name: nameSchema.describe('Not the name of another product.'),
  models: z.array(z.string()).min(1).describe('The names of models that the configuration declares.'),
  caps: z
    .strictObject({
      maxOutputTokens: limit.optional().describe('Output tokens that one call may ask for.'),
      maxChoices: limit.optional().describe('Choices (`n`, `best_of`) of one call.'),
      maxRequestBytes: limit.optional().describe('Bytes of one request body.'),
    })
    .optional()
    .describe('What is absent is not capped.'),
  unpriced: z
    .enum(['refuse', 'allow-and-flag'])
    .optional()
    .describe('What happens to a call that a deployment without a price may serve; `refuse` when absent.'),
});
export type CreateProduct = z.infer<typeof createProductSchema>;
