import { BicepSyntaxError } from './problem.ts';
import type { Token } from './tokens.ts';

/** The tokens of a file in order, with the questions that a recursive-descent parser asks. */
export class TokenStream {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  get now(): Token {
    const token = this.#tokens[this.#at] ?? this.#tokens.at(-1);
    if (token === undefined) throw new BicepSyntaxError('the file is empty', 1);
    return token;
  }

  get line(): number {
    return this.now.line;
  }

  is(text: string): boolean {
    const { now } = this;
    return now.kind !== 'text' && now.text === text && now.kind !== 'end';
  }

  /** The token after the next `skip` ones. */
  ahead(skip: number): Token | undefined {
    return this.#tokens[this.#at + skip];
  }

  advance(): Token {
    const token = this.now;
    this.#at += 1;
    return token;
  }

  take(text: string): boolean {
    if (!this.is(text)) return false;
    this.#at += 1;
    return true;
  }

  /** What comes after line ends, if it is `text`; otherwise nothing is taken. */
  takeAcrossLines(text: string): boolean {
    const before = this.#at;
    this.skipLines();
    if (this.take(text)) return true;
    this.#at = before;
    return false;
  }

  expect(text: string): void {
    if (!this.take(text)) throw new BicepSyntaxError(`expected '${text}', found ${this.describe()}`, this.line);
  }

  word(what: string): string {
    const token = this.advance();
    if (token.kind !== 'word') throw new BicepSyntaxError(`expected ${what}`, token.line);
    return token.text;
  }

  /** A text without `${…}`. */
  plainText(what: string): string {
    const token = this.advance();
    const [only] = token.kind === 'text' && token.parts.length === 1 ? token.parts : [];
    if (typeof only !== 'string') throw new BicepSyntaxError(`expected ${what} as plain text`, token.line);
    return only;
  }

  skipLines(): void {
    while (this.is('\n')) this.#at += 1;
  }

  describe(): string {
    const { now } = this;
    if (now.kind === 'text') return 'a text';
    if (now.kind === 'end') return 'the end of the file';
    return now.kind === 'newline' ? 'the end of the line' : `'${now.text}'`;
  }
}
