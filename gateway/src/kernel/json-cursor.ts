import { parseJson } from './json.ts';

const quotationMark = 0x22;
const backslash = 0x5c;
const minus = 0x2d;
const zero = 0x30;
/** Whole numbers of so many digits are exact as numbers. */
const mostDigits = 15;

/** The text is not what was expected of it. */
export class UnexpectedText extends Error {
  override readonly name = 'UnexpectedText';
  constructor(what: string, at: number) {
    super(`At character ${at + 1} ${what} was expected.`);
  }
}

/**
 * Reads JSON that this program has written and whose members therefore stand in a known order: from left to right, each
 * value by what it has to be. Nothing is made but the values, so it costs a quarter of `JSON.parse`. Made once, used for
 * text after text. Methods throw `UnexpectedText`.
 */
export class JsonCursor {
  #text = '';
  #at = 0;

  /** Goes on in another text. */
  begin(text: string, at = 0): void {
    this.#text = text;
    this.#at = at;
  }

  get at(): number {
    return this.#at;
  }

  /** True where the literal comes next; then it is passed. */
  has(literal: string): boolean {
    if (!this.#text.startsWith(literal, this.#at)) return false;
    this.#at += literal.length;
    return true;
  }

  pass(literal: string): void {
    if (!this.has(literal)) this.#fail(literal);
  }

  /** What stands before the literal, which comes next. */
  upTo(literal: string): string {
    const end = this.#text.indexOf(literal, this.#at);
    if (end < 0) return this.#fail(literal);
    const passed = this.#text.slice(this.#at, end);
    this.#at = end;
    return passed;
  }

  /** Everything that is left. */
  rest(): string {
    const rest = this.#text.slice(this.#at);
    this.#at = this.#text.length;
    return rest;
  }

  string(): string {
    const text = this.#text;
    const first = this.#at + 1;
    if (text.charCodeAt(this.#at) !== quotationMark) return this.#fail('a string');
    let end = first;
    for (let code = text.charCodeAt(end); code !== quotationMark; code = text.charCodeAt(++end)) {
      if (code === backslash) return this.#escapedString();
      // At the end of the text it is no number.
      if (!(code >= 0x20)) return this.#fail('the end of a string');
    }
    this.#at = end + 1;
    return text.slice(first, end);
  }

  stringOrNull(): string | null {
    return this.has('null') ? null : this.string();
  }

  integer(): number {
    return this.integerIfAny() ?? this.#fail('an integer');
  }

  integerOrNull(): number | null {
    return this.has('null') ? null : this.integer();
  }

  /** An integer of at most 19 digits that stands as a string, as money does. */
  bigint(): bigint {
    this.pass('"');
    const first = this.#at;
    const value = this.#digits();
    const digits = this.#at - first;
    this.pass('"');
    if (digits <= mostDigits && !Number.isNaN(value)) return BigInt(value);
    const text = this.#text.slice(first, first + digits);
    return /^-?\d{1,19}$/.test(text) ? BigInt(text) : this.#fail('an amount');
  }

  bigintOrNull(): bigint | null {
    return this.has('null') ? null : this.bigint();
  }

  /** An integer that is exact as a number, or undefined; `at` may then be anywhere. */
  integerIfAny(): number | undefined {
    const value = this.#digits();
    return Number.isSafeInteger(value) ? value : undefined;
  }

  /** Passes digits and the sign before them. NaN where there are none; rounded where there are many. */
  #digits(): number {
    const text = this.#text;
    const negative = text.charCodeAt(this.#at) === minus;
    const first = negative ? this.#at + 1 : this.#at;
    let at = first;
    let value = 0;
    for (let digit = text.charCodeAt(at) - zero; digit >= 0 && digit <= 9; digit = text.charCodeAt(++at) - zero)
      value = value * 10 + digit;
    this.#at = at;
    if (at === first) return Number.NaN;
    return negative ? -value : value;
  }

  #escapedString(): string {
    const first = this.#at;
    let end = first + 1;
    while (end < this.#text.length && this.#text.charCodeAt(end) !== quotationMark)
      end += this.#text.charCodeAt(end) === backslash ? 2 : 1;
    const value = parseJson(this.#text.slice(first, end + 1));
    if (typeof value !== 'string') return this.#fail('a string');
    this.#at = end + 1;
    return value;
  }

  #fail(what: string): never {
    throw new UnexpectedText(what, this.#at);
  }
}
