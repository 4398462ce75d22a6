/** An item as a filter sees it: every member that can be asked for, as text. */
export type Filterable = Readonly<Record<string, string>>;
export type Filter = (item: Filterable) => boolean;

/**
 * The names that Azure documents for `$filter`, in lower case, and what of an item they mean. `priceType` is the member
 * `type`; `currencyCode` is none of them: Azure takes it, and then nothing matches.
 */
const fields: Readonly<Record<string, string>> = {
  armregionname: 'armRegionName',
  location: 'location',
  meterid: 'meterId',
  metername: 'meterName',
  productid: 'productId',
  skuid: 'skuId',
  productname: 'productName',
  skuname: 'skuName',
  servicename: 'serviceName',
  serviceid: 'serviceId',
  servicefamily: 'serviceFamily',
  pricetype: 'type',
  armskuname: 'armSkuName',
  isprimarymeterregion: 'isPrimaryMeterRegion',
  currencycode: 'nothing',
};

/** Azure refuses filters with more comparisons. */
const mostComparisons = 20;

const tokenPattern = /\s*(?:('(?:[^']|'')*')|(\(|\)|,)|([A-Za-z]+))/y;

interface Reader {
  readonly tokens: readonly string[];
  at: number;
  comparisons: number;
}

class Malformed extends Error {
  override readonly name = 'Malformed';
}

/**
 * What a `$filter` asks for; undefined where Azure would refuse it. `eq`, `ne`, `and`, `or`, brackets, `contains` and
 * `startswith`; `not` and `in` are refused, as Azure does. Values are compared with their case, as since
 * 2023-01-01-preview.
 */
export function parseFilter(text: string): Filter | undefined {
  const tokens = tokensOf(text);
  if (tokens === undefined) return undefined;
  const reader: Reader = { tokens, at: 0, comparisons: 0 };
  try {
    const filter = anyOf(reader);
    return reader.at === tokens.length && reader.comparisons <= mostComparisons ? filter : undefined;
  } catch (thrown) {
    if (thrown instanceof Malformed) return undefined;
    throw thrown;
  }
}

function tokensOf(text: string): readonly string[] | undefined {
  const tokens: string[] = [];
  const trimmed = text.trimEnd();
  tokenPattern.lastIndex = 0;
  while (tokenPattern.lastIndex < trimmed.length) {
    const match = tokenPattern.exec(trimmed);
    if (match === null) return undefined;
    tokens.push(match[1] ?? match[2] ?? match[3] ?? '');
  }
  return tokens;
}

function next(reader: Reader): string {
  const token = reader.tokens[reader.at];
  if (token === undefined) throw new Malformed();
  reader.at += 1;
  return token;
}

function expect(reader: Reader, wanted: string): void {
  if (next(reader) !== wanted) throw new Malformed();
}

function took(reader: Reader, word: string): boolean {
  if (reader.tokens[reader.at]?.toLowerCase() !== word) return false;
  reader.at += 1;
  return true;
}

function anyOf(reader: Reader): Filter {
  const parts = [allOf(reader)];
  while (took(reader, 'or')) parts.push(allOf(reader));
  return (item) => parts.some((part) => part(item));
}

function allOf(reader: Reader): Filter {
  const parts = [term(reader)];
  while (took(reader, 'and')) parts.push(term(reader));
  return (item) => parts.every((part) => part(item));
}

function term(reader: Reader): Filter {
  const token = next(reader);
  if (token === '(') {
    const inner = anyOf(reader);
    expect(reader, ')');
    return inner;
  }
  reader.comparisons += 1;
  const word = token.toLowerCase();
  if (word === 'contains' || word === 'startswith') return callOf(reader, word);
  return comparison(reader, fieldNamed(token));
}

function callOf(reader: Reader, name: 'contains' | 'startswith'): Filter {
  expect(reader, '(');
  const field = fieldNamed(next(reader));
  expect(reader, ',');
  const value = literal(next(reader));
  expect(reader, ')');
  const holds: Filter = (item) => {
    const text = item[field] ?? '';
    return name === 'contains' ? text.includes(value) : text.startsWith(value);
  };
  // `contains(…) eq true` says the same as `contains(…)`.
  if (took(reader, 'eq')) return truth(next(reader)) ? holds : (item) => !holds(item);
  if (took(reader, 'ne')) return truth(next(reader)) ? (item) => !holds(item) : holds;
  return holds;
}

function comparison(reader: Reader, field: string): Filter {
  const operator = next(reader).toLowerCase();
  const value = literal(next(reader));
  if (operator === 'eq') return (item) => item[field] === value;
  if (operator === 'ne') return (item) => item[field] !== value;
  throw new Malformed();
}

function fieldNamed(token: string): string {
  const field = fields[token.toLowerCase()];
  if (field === undefined) throw new Malformed();
  return field;
}

function literal(token: string): string {
  if (token.startsWith("'")) return token.slice(1, -1).replaceAll("''", "'");
  if (token === 'true' || token === 'false') return token;
  throw new Malformed();
}

function truth(token: string): boolean {
  if (token !== 'true' && token !== 'false') throw new Malformed();
  return token === 'true';
}
