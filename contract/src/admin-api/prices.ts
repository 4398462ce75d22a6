import { z } from 'zod';

/**
 * A meter of the Azure Retail Prices API with one of its prices. Items of the API that differ only in region and meter
 * id are one here: the list is a tenth as long.
 */
export const retailItemSchema = z.object({
  currencyCode: z.string().describe('`USD`.'),
  retailPrice: z
    .string()
    .max(40)
    .describe('The number as it stands in the reply of the API: it is read as a decimal, never as a float.'),
  tierMinimumUnits: z.string().max(40).describe('The price holds from so many units on; `0` where it is not tiered.'),
  regions: z.record(z.string(), z.string()).describe("The meter's id, by `armRegionName`."),
  meterName: z.string().describe('`GPT 5 Inpt Glbl 1M Tokens`.'),
  productName: z.string().describe('`Azure OpenAI GPT5`.'),
  skuName: z.string().describe('`GPT 5 Inpt Glbl`.'),
  unitOfMeasure: z.string().describe('`1K`, `1M`, `1 Hour`, …'),
  type: z.string().describe('`Consumption`, `Reservation`, …'),
  effectiveStartDate: z.string().describe('RFC 3339.'),
  effectiveEndDate: z.string().optional().describe('RFC 3339; left out where the price has no end.'),
});
export type RetailItem = z.infer<typeof retailItemSchema>;

/** `GET /admin/v1/prices/query` */
export const retailQuerySchema = z.object({
  apiVersion: z.string().describe('The version of the Azure Retail Prices API that the rules were written for.'),
  filter: z.string().describe('The `$filter` that names the meters of Azure OpenAI.'),
});
export type RetailQuery = z.infer<typeof retailQuerySchema>;

/** `POST /admin/v1/prices/sync` */
export const priceSyncRequestSchema = z.strictObject({
  dryRun: z.boolean().describe('Only say what would change.'),
  readAt: z.iso.datetime().describe('When the list was read, RFC 3339; it becomes part of the source of every price.'),
  url: z.string().min(1).max(2000).describe('Where the list was read, with the filter.'),
  items: z.array(retailItemSchema).max(200_000).describe('The whole list.'),
});
export type PriceSyncRequest = z.infer<typeof priceSyncRequestSchema>;

const placedPriceSchema = z.object({
  model: z.string().nullable().describe('null: a provisioned unit, whatever the model.'),
  modelVersion: z.string().nullable().describe('null: every version.'),
  deploymentType: z.string().describe('`GlobalStandard`, …'),
  region: z.string().nullable().describe('A region, several or a data zone (`zone:eu`); null: everywhere.'),
  serviceTier: z.string().nullable().describe('null: the default tier.'),
  minInputTokens: z.number().int().nullable().describe('Long context from here on; null: any.'),
  meter: z.string().describe('`input`, `cachedInput`, `output`, `seconds`, `image:…`, `toolCall:…`, `ptu`.'),
  per: z.enum(['million', 'one', 'hour']).describe('What the amounts are for.'),
  nanoUsd: z.string().describe('10^-9 USD, a decimal string.'),
  effectiveFrom: z.string().describe('The first day, UTC.'),
  effectiveTo: z.string().nullable().describe('The first day it holds no more; null: open.'),
  meterNames: z.array(z.string()).describe("Azure's names of the meter."),
  meterIds: z.array(z.string()).describe("Azure's ids of the meter."),
});
export type PlacedPrice = z.infer<typeof placedPriceSchema>;

const changeSchema = placedPriceSchema.extend({
  before: z.string().nullable().describe('What was in force for that day; null: nothing.'),
});
export type PriceChange = z.infer<typeof changeSchema>;

const unmappedSchema = z.object({
  why: z.string().describe('Why no price was made of them.'),
  known: z.boolean().describe('A rule says that they are none of ours; else nobody knows what they are.'),
  meters: z
    .array(
      z.object({
        meterName: z.string().describe("Azure's name."),
        productName: z.string().describe("Azure's name of the product."),
        unitOfMeasure: z.string().describe('`1K`, …'),
        retailPrice: z.string().describe('As it stands in the list.'),
        regions: z.array(z.string()).describe('Where.'),
      }),
    )
    .describe('Each of them.'),
});

export const priceSyncSchema = z.object({
  applied: z.boolean().describe('The price file was written and its prices are in force.'),
  file: z.string().describe('The price file.'),
  priceBook: z.string().describe('The price book in force now.'),
  read: z.number().int().describe('Items that were read.'),
  unchanged: z.number().int().describe('Prices that are in force already.'),
  added: z.array(changeSchema).describe('Prices of what had none on that day.'),
  changed: z.array(changeSchema).describe('Other prices than those in force on that day.'),
  ended: z.array(changeSchema).describe('Prices in force that now have an end.'),
  missing: z.array(placedPriceSchema).describe("Read before, and not in Azure's list any more: they stay in force."),
  ambiguous: z
    .array(
      z.object({
        what: z.string().describe('Model, version, type, tier, band and meter.'),
        region: z.string().describe('Where.'),
        effectiveFrom: z.string().describe('From when on.'),
        meterNames: z.array(z.string()).describe('The meters that contradict each other.'),
      }),
    )
    .describe('Two prices for one thing from one day on: neither was taken.'),
  unmapped: z.array(unmappedSchema).describe('Meters of which no price was made, by why.'),
  text: z.string().describe('The price file as it would be.'),
});
export type PriceSync = z.infer<typeof priceSyncSchema>;
