import { parseDecimal } from '../decimal.ts';
import type { FocusColumn, FocusCustomColumn } from './schema.ts';

type AnyColumn = FocusColumn | FocusCustomColumn;

/** `YYYY-MM-DDTHH:mm:ssZ`, always UTC. */
const dateTime = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z$/;
/** ISO 4217 has three capital letters; which of them are in use is not checked. */
const currency = /^[A-Z]{3}$/;
/** `Tokens`, `1000000 Tokens`, `PTU-Hours`, `GB/Hour`: a quantity, then base units. */
const unit = /^(?:[1-9]\d* )?[A-Z][A-Za-z]*(?:[-/ ][A-Z][A-Za-z]*)*$/;

/** What is wrong with a value that is not null; undefined where nothing is. */
export function checkValue(column: AnyColumn, value: string): string | undefined {
  if (value !== value.trim()) return 'it begins or ends with white space';
  if (column.type === 'Decimal') return checkDecimal(column, value);
  if (column.type === 'JSON') return checkKeyValue(value);
  if (column.type === 'String') return 'format' in column ? checkText(column, value) : undefined;
  return isDateTime(value) ? undefined : `'${value}' is not a time like 2026-11-01T00:00:00Z`;
}

function isDateTime(value: string): boolean {
  return dateTime.test(value) && !Number.isNaN(Date.parse(value));
}

function checkDecimal(column: AnyColumn, value: string): string | undefined {
  const number = parseDecimal(value);
  if (number === undefined) return `'${value}' is no decimal number`;
  const nonNegative = 'range' in column && column.range === 'non-negative';
  return nonNegative && number.digits < 0n ? `${value} is less than 0` : undefined;
}

function checkText({ format, allowed }: FocusColumn, value: string): string | undefined {
  if (format === 'Allowed Values' && allowed?.includes(value) !== true)
    return `'${value}' is none of the allowed values`;
  if (format === 'Currency' && !currency.test(value)) return `'${value}' is no currency`;
  return format === 'Unit' && !unit.test(value) ? `'${value}' is no unit` : undefined;
}

/** A JSON object of plain values: FOCUS's Key-Value format. Whole JSON objects are not written by us. */
function checkKeyValue(value: string): string | undefined {
  let parsed: unknown;
  try {
    // oxlint-disable-next-line no-restricted-properties -- The contract has no kernel; what is wrong is the answer here.
    parsed = JSON.parse(value);
  } catch {
    return 'it is no JSON';
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return 'it is no JSON object';
  const nested = Object.entries(parsed).find(([, one]) => typeof one === 'object' && one !== null);
  return nested === undefined ? undefined : `the value of '${nested[0]}' is not a plain one`;
}
