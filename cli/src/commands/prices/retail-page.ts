import { z } from 'zod';

/** Numbers come as the text that stands in the reply: a price never passes through a float. */
const numberText = z.string();

const itemSchema = z.object({
  currencyCode: z.string(),
  tierMinimumUnits: numberText,
  retailPrice: numberText,
  armRegionName: z.string().nullish(),
  effectiveStartDate: z.string(),
  effectiveEndDate: z.string().nullish(),
  meterId: z.string().nullish(),
  meterName: z.string(),
  productName: z.string(),
  skuName: z.string(),
  unitOfMeasure: z.string(),
  type: z.string(),
});

/** One page of the Azure Retail Prices API, as far as it is looked at. */
const pageSchema = z.object({
  BillingCurrency: z.string().optional(),
  Items: z.array(itemSchema),
  NextPageLink: z.string().nullish(),
  Count: numberText.optional(),
});

export type RetailPage = z.output<typeof pageSchema>;

/** Reads a page; a sentence about what is wrong where it is none. */
export function parsePage(text: string): RetailPage | string {
  const value = parseWithNumberText(text);
  if (value === undefined) return 'it is not JSON; was it cut off?';
  const parsed = pageSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return issue === undefined ? 'it is no page of prices' : `${issue.path.join('.') || 'the reply'}: ${issue.message}`;
  }
  const { Count: count, Items: items } = parsed.data;
  if (count !== undefined && count !== String(items.length)) return `it says ${count} items and has ${items.length}`;
  return parsed.data;
}

function parseWithNumberText(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text, (_key: string, item: unknown, context?: { readonly source?: string }) =>
      typeof item === 'number' ? (context?.source ?? String(item)) : item,
    );
    return value;
  } catch {
    return undefined;
  }
}
