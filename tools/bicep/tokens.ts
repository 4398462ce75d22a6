import { BicepSyntaxError } from './problem.ts';

export type Token =
  | { readonly kind: 'word' | 'number' | 'sign' | 'newline' | 'end'; readonly text: string; readonly line: number }
  /** Literal parts and the tokens of what stands in `${…}`, in turn. */
  | { readonly kind: 'text'; readonly parts: readonly (string | readonly Token[])[]; readonly line: number };

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', "'": "'", '\\': '\\', $: '$' };
const signs = [
  '=>',
  '==',
  '!=',
  '=~',
  '!~',
  '<=',
  '>=',
  '&&',
  '||',
  '??',
  '::',
  '...',
  ...'{}[]()=.,:?!<>+-*/%@#|'.split(''),
];

class Scanner {
  readonly #source: string;
  #at = 0;
  #line = 1;

  constructor(source: string, line = 1) {
    this.#source = source;
    this.#line = line;
  }

  /** Everything up to the end, or up to the `}` that closes the interpolation in which it was called. */
  scan(inside: boolean): Token[] {
    const tokens: Token[] = [];
    for (let depth = 0; ;) {
      this.#skipSpace();
      if (this.#at >= this.#source.length) {
        if (inside) throw new BicepSyntaxError("'${' is not closed", this.#line);
        tokens.push({ kind: 'newline', text: '\n', line: this.#line }, { kind: 'end', text: '', line: this.#line });
        return tokens;
      }
      const token = this.#next();
      if (token.kind === 'sign') {
        if (token.text === '{') depth += 1;
        if (token.text === '}' && inside && depth === 0)
          return [...tokens, { kind: 'end', text: '', line: this.#line }];
        if (token.text === '}') depth -= 1;
      }
      tokens.push(token);
    }
  }

  #skipSpace(): void {
    for (;;) {
      const rest = this.#source.slice(this.#at, this.#at + 2);
      if (rest[0] === ' ' || rest[0] === '\t' || rest[0] === '\r') this.#at += 1;
      else if (rest === '//') this.#at = this.#until('\n');
      else if (rest === '/*') this.#skipBlockComment();
      else return;
    }
  }

  #until(what: string): number {
    const found = this.#source.indexOf(what, this.#at);
    return found === -1 ? this.#source.length : found;
  }

  #skipBlockComment(): void {
    const end = this.#until('*/');
    this.#line += this.#source.slice(this.#at, end).split('\n').length - 1;
    this.#at = end + 2;
  }

  #next(): Token {
    const line = this.#line;
    const rest = this.#source.slice(this.#at);
    if (rest.startsWith('\n')) {
      this.#at += 1;
      this.#line += 1;
      return { kind: 'newline', text: '\n', line };
    }
    if (rest.startsWith("'''")) return this.#verbatim(line);
    if (rest.startsWith("'")) return this.#text(line);
    const word = /^[A-Za-z_]\w*/.exec(rest)?.[0];
    if (word !== undefined) return this.#take('word', word);
    const number = /^\d+/.exec(rest)?.[0];
    if (number !== undefined) return this.#take('number', number);
    const sign = signs.find((one) => rest.startsWith(one));
    if (sign === undefined) throw new BicepSyntaxError(`'${rest[0]}' means nothing here`, line);
    return this.#take('sign', sign);
  }

  #take(kind: 'word' | 'number' | 'sign', text: string): Token {
    this.#at += text.length;
    return { kind, text, line: this.#line };
  }

  #verbatim(line: number): Token {
    this.#at += 3;
    const end = this.#until("'''");
    if (end === this.#source.length) throw new BicepSyntaxError("''' is not closed", line);
    const text = this.#source.slice(this.#at, end).replace(/^\r?\n/, '');
    this.#line += this.#source.slice(this.#at, end).split('\n').length - 1;
    this.#at = end + 3;
    return { kind: 'text', parts: [text], line };
  }

  #text(line: number): Token {
    this.#at += 1;
    const parts: (string | readonly Token[])[] = [];
    let literal = '';
    for (;;) {
      const letter = this.#source[this.#at];
      if (letter === undefined || letter === '\n') throw new BicepSyntaxError("a text is not closed with '", line);
      this.#at += 1;
      if (letter === "'") break;
      if (letter === '\\') literal += this.#escape(line);
      else if (letter === '$' && this.#source[this.#at] === '{') {
        this.#at += 1;
        parts.push(literal, this.scan(true));
        literal = '';
      } else literal += letter;
    }
    return { kind: 'text', parts: [...parts, literal], line };
  }

  #escape(line: number): string {
    const letter = this.#source[this.#at] ?? '';
    this.#at += 1;
    const plain = escapes[letter];
    if (plain !== undefined) return plain;
    const code = /^\{([0-9a-fA-F]{1,6})\}/.exec(this.#source.slice(this.#at));
    if (letter !== 'u' || code?.[1] === undefined) throw new BicepSyntaxError(`'\\${letter}' is no escape`, line);
    this.#at += code[0].length;
    return String.fromCodePoint(Number.parseInt(code[1], 16));
  }
}

export function scan(source: string): Token[] {
  return new Scanner(source).scan(false);
}
