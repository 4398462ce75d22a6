import type { IncomingMessage, ServerResponse } from 'node:http';
import { parseFilter, type Filterable } from './filter.ts';
import { itemText, type Currency } from './item-text.ts';
import { pricesOf, readPrices, addedPriceSchema, type AddedPrice, type RetailPrice } from './price-data.ts';

const path = '/api/retail/prices';
const pageSize = 1000;
/** Azure answers 404 where the address is longer. */
const longestAddress = 2048;

interface Listed {
  readonly price: RetailPrice;
  readonly fields: Filterable;
}

/** The Azure Retail Prices API as the twin plays it: no key, no region, pages of 1,000. */
export class RetailPrices {
  readonly #file: string | undefined;
  #listed: readonly Listed[] | undefined;

  /** The list is read when it is first asked for: most twins never are. */
  constructor(file: string | undefined) {
    this.#file = file;
  }

  /** Answers a request; false where it is not for this service. */
  handle(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const url = new URL(request.url ?? '/', `http://${request.headers.host ?? 'twin'}`);
    if (url.pathname !== path) return Promise.resolve(false);
    const { status, text } = this.#answer(request, url);
    response
      .writeHead(status, {
        'content-type': 'application/json; charset=utf-8',
        'content-length': Buffer.byteLength(text),
      })
      .end(text);
    return Promise.resolve(true);
  }

  /** Prices that Azure publishes from now on; each replaces what has its meter, region and first day. */
  publish(prices: readonly AddedPrice[]): number {
    const added = prices.flatMap((one) => pricesOf(addedPriceSchema.parse(one))).map(listed);
    const replaced = new Set(added.map(keyOf));
    this.#listed = [...this.#all().filter((one) => !replaced.has(keyOf(one))), ...added];
    return added.length;
  }

  /** Meters that Azure publishes no more; how many prices they had. */
  withdraw(meterName: string): number {
    const all = this.#all();
    this.#listed = all.filter(({ price }) => price.meterName !== meterName);
    return all.length - this.#listed.length;
  }

  reset(): void {
    this.#listed = undefined;
  }

  #all(): readonly Listed[] {
    return (this.#listed ??= readPrices(this.#file).map(listed));
  }

  #answer(request: IncomingMessage, url: URL): { readonly status: number; readonly text: string } {
    if (request.method !== 'GET')
      return { status: 405, text: errorText('MethodNotAllowed', 'GET is the only method.') };
    if ((request.url ?? '').length > longestAddress) return { status: 404, text: '' };
    const asked = readQuery(url.searchParams);
    if (asked === undefined) return { status: 400, text: errorText('BadRequest', 'Invalid OData parameters supplied') };
    const found = this.#all().filter(({ fields }) => asked.matches(fields));
    const page = found.slice(asked.skip, asked.skip + Math.min(pageSize, asked.top));
    const left = Math.min(found.length, asked.skip + asked.top) - asked.skip - page.length;
    const items = page.map(({ price }) => itemText(price, asked.currency)).join(',');
    const link =
      left > 0
        ? JSON.stringify(nextLink(url, { skip: asked.skip + page.length, top: asked.top - page.length }))
        : 'null';
    return {
      status: 200,
      text:
        `{"BillingCurrency":"${asked.currency}","CustomerEntityId":"Default","CustomerEntityType":"Retail",` +
        `"Items":[${items}],"NextPageLink":${link},"Count":${page.length}}`,
    };
  }
}

const errorText = (code: string, message: string): string =>
  JSON.stringify({ Error: { Code: code, Message: message } });

const keyOf = ({ price }: Listed): string =>
  [price.meterName, price.armRegionName, price.effectiveStartDate, price.type, price.reservationTerm ?? ''].join('|');

function listed(price: RetailPrice): Listed {
  const {
    retailPrice: _amount,
    tierMinimumUnits: _tier,
    reservationTerm: _term,
    effectiveEndDate: _end,
    ...texts
  } = price;
  return { price, fields: { ...texts, isPrimaryMeterRegion: 'true' } };
}

interface Asked {
  readonly matches: (fields: Filterable) => boolean;
  readonly currency: Currency;
  readonly skip: number;
  readonly top: number;
}

function readQuery(query: URLSearchParams): Asked | undefined {
  const filter = query.get('$filter');
  const matches = filter === null || filter.trim() === '' ? () => true : parseFilter(filter);
  const skip = countIn(query.get('$skip') ?? '0');
  const top = query.has('$top') ? countIn(query.get('$top') ?? '') : Number.MAX_SAFE_INTEGER;
  // Azure takes the code with and without quotes.
  const currency = (query.get('currencyCode') ?? 'USD').replaceAll("'", '').toUpperCase();
  if (matches === undefined || skip === undefined || top === undefined || !isCurrency(currency)) return undefined;
  return { matches, currency, skip, top };
}

const isCurrency = (code: string): code is Currency => code === 'USD' || code === 'EUR' || code === 'GBP';

const countIn = (text: string): number | undefined => (/^\d{1,9}$/.test(text) ? Number(text) : undefined);

/** As Azure writes it: the same question, and how much of the answer to pass over. */
function nextLink(url: URL, { skip, top }: { readonly skip: number; readonly top: number }): string {
  const next = new URL(url);
  next.searchParams.set('$skip', String(skip));
  if (url.searchParams.has('$top')) next.searchParams.set('$top', String(top));
  return next.href;
}
