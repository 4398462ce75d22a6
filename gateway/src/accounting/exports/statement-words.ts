import { decimalText, usdOfNano, type Decimal } from '@tollgate/contract/decimal.ts';
import { html, type Html } from './html.ts';
import type { Span } from './months.ts';

/** 1234567 -> `1,234,567`. */
export function grouped(count: bigint): string {
  return String(count).replaceAll(/\B(?=(?:\d{3})+$)/g, ',');
}

interface Digits {
  readonly sign: string;
  readonly whole: string;
  readonly cents: string;
  /** What comes after the cents, without zeros at its end. */
  readonly rest: string;
}

function digitsOf(value: Decimal): Digits {
  const [whole = '0', fraction = ''] = decimalText(
    { ...value, digits: value.digits < 0n ? -value.digits : value.digits },
    2,
  ).split('.');
  return {
    sign: value.digits < 0n ? '−' : '',
    whole: grouped(BigInt(whole)),
    cents: fraction.slice(0, 2),
    rest: fraction.slice(2),
  };
}

/** So wide as a digit: amounts of a column stand with their points under each other. */
const figureSpace = '\u2007';
const digitsBelowCents = 7;

const padding = (count: number): Html => html`<span aria-hidden="true">${figureSpace.repeat(count)}</span>`;

/** An exact amount of USD in a column; what is less than a cent is there, and paler. */
export function columnUsd(nanoUsd: bigint | null): Html {
  if (nanoUsd === null) return html`<span class="quiet">–</span>${padding(digitsBelowCents)}`;
  const missing = digitsBelowCents - digitsOf(usdOfNano(nanoUsd)).rest.length;
  return html`${exactUsd(nanoUsd)}${padding(missing)}`;
}

/** An exact amount of USD; what is less than a cent is there, and paler. */
export function exactUsd(nanoUsd: bigint): Html {
  const { sign, whole, cents, rest } = digitsOf(usdOfNano(nanoUsd));
  return html`${sign}${whole}.${cents}${rest === '' ? null : html`<span class="sub">${rest}</span>`}`;
}

/** A unit price, exactly. */
export function unitPriceText(price: Decimal): string {
  const { sign, whole, cents, rest } = digitsOf(price);
  return `${sign}${whole}.${cents}${rest}`;
}

/** A quantity that need not be whole. */
export function quantityText(value: Decimal): string {
  const [whole = '0', fraction] = decimalText(value).split('.');
  return `${grouped(BigInt(whole))}${fraction === undefined ? '' : `.${fraction}`}`;
}

/** To the cent, half to even: for headlines, beside the exact amount. */
export function roundedUsd(nanoUsd: bigint): string {
  const nanoPerCent = 10_000_000n;
  const magnitude = nanoUsd < 0n ? -nanoUsd : nanoUsd;
  const quotient = magnitude / nanoPerCent;
  const twice = (magnitude % nanoPerCent) * 2n;
  const up = twice > nanoPerCent || (twice === nanoPerCent && (quotient & 1n) === 1n);
  const cents = up ? quotient + 1n : quotient;
  const sign = nanoUsd < 0n && cents > 0n ? '−' : '';
  return `${sign}${grouped(cents / 100n)}.${String(cents % 100n).padStart(2, '0')}`;
}

/** `November 2026` */
export function monthTitle({ from }: Span, timeZone: string): string {
  return new Intl.DateTimeFormat('en-GB', { month: 'long', year: 'numeric', timeZone }).format(from);
}

/** `1 November 2026, 00:00` */
export function momentText(at: number, timeZone: string): string {
  const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'long', year: 'numeric', timeZone }).format(at);
  const time = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone });
  return `${day}, ${time.format(at)}`;
}

export function dayText(at: number, timeZone: string): string {
  return new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'long', year: 'numeric', timeZone }).format(at);
}

/** `1 request`, `2 requests` */
export function counted(count: bigint, singular: string): string {
  return `${grouped(count)} ${singular}${count === 1n ? '' : 's'}`;
}
