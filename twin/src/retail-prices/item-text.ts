import type { RetailPrice } from './price-data.ts';

export type Currency = 'USD' | 'EUR' | 'GBP';

/** Made up: what Azure says in other currencies than USD is for estimates only, and so is this. In millionths. */
const rates: Readonly<Record<Currency, bigint>> = { USD: 1_000_000n, EUR: 920_000n, GBP: 790_000n };

/** An item as Azure writes it, number for number: `2.0`, `0.000413`, `5E-05`. */
export function itemText(price: RetailPrice, currency: Currency): string {
  const amount = numberText(inCurrency(price.retailPrice, currency));
  const { retailPrice: _amount, tierMinimumUnits, reservationTerm, effectiveEndDate, ...texts } = price;
  const { armRegionName, location, effectiveStartDate, armSkuName, type, ...names } = texts;
  const members: readonly string[] = [
    `"currencyCode":"${currency}"`,
    `"tierMinimumUnits":${numberText(String(tierMinimumUnits))}`,
    ...(reservationTerm === undefined ? [] : [member('reservationTerm', reservationTerm)]),
    `"retailPrice":${amount}`,
    `"unitPrice":${amount}`,
    member('armRegionName', armRegionName),
    member('location', location),
    member('effectiveStartDate', effectiveStartDate),
    ...(effectiveEndDate === undefined ? [] : [member('effectiveEndDate', effectiveEndDate)]),
    ...Object.entries(names).map(([name, value]) => member(name, value)),
    member('type', type),
    '"isPrimaryMeterRegion":true',
    member('armSkuName', armSkuName),
  ];
  return `{${members.join(',')}}`;
}

const member = (name: string, value: string): string => `${JSON.stringify(name)}:${JSON.stringify(value)}`;

const places = 12;

/** A decimal text times a rate, exactly to the twelfth place. */
function inCurrency(text: string, currency: Currency): string {
  if (currency === 'USD') return text;
  const scaled = (scaledDecimal(text) * rates[currency]) / 1_000_000n;
  const digits = scaled.toString().padStart(places + 1, '0');
  return `${digits.slice(0, -places)}.${digits.slice(-places)}`.replace(/\.?0+$/, '');
}

function scaledDecimal(text: string): bigint {
  const [, whole = '0', fraction = '', exponent = '0'] = /^(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(text) ?? [];
  const shift = places + Number(exponent) - fraction.length;
  const value = BigInt(whole + fraction);
  return shift >= 0 ? value * 10n ** BigInt(shift) : value / 10n ** BigInt(-shift);
}

/** As .NET writes a double: never without a point, and below 0.0001 with an exponent of two digits. */
function numberText(text: string): string {
  const scaled = scaledDecimal(text);
  if (scaled === 0n) return '0.0';
  const digits = scaled.toString();
  const exponent = digits.length - places - 1;
  const significant = digits.replace(/0+$/, '');
  if (exponent >= -4) {
    const padded = digits.padStart(places + 1, '0');
    const [whole, fraction] = [padded.slice(0, -places), padded.slice(-places).replace(/0+$/, '')];
    return `${whole}.${fraction === '' ? '0' : fraction}`;
  }
  const [head, tail] = [significant.slice(0, 1), significant.slice(1)];
  return `${head}${tail === '' ? '' : `.${tail}`}E-${String(-exponent).padStart(2, '0')}`;
}
