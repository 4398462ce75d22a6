import { KqlError, type Expression, type Named, type Operator, type Query } from './syntax.ts';

const token =
  /\s+|\/\/[^\n]*|('[^']*')|(\d+(?:\.\d+)?(?:ms|s|m|h|d)?\b)|([A-Za-z_]\w*)|(!in\b|==|!=|<=|>=|[|,()*+\-/<>=])/gy;
const spans: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const levels = [['or'], ['and'], ['==', '!=', '<', '<=', '>', '>=', 'in', '!in', 'has'], ['+', '-'], ['*', '/']];

function tokensOf(text: string): string[] {
  const tokens: string[] = [];
  token.lastIndex = 0;
  while (token.lastIndex < text.length) {
    const at = token.lastIndex;
    const found = token.exec(text);
    if (found === null) throw new KqlError(`'${text.slice(at, at + 20)}' means nothing here`);
    if (!/^(\s|\/\/)/.test(found[0])) tokens.push(found[0]);
  }
  return tokens;
}

class Parser {
  readonly #tokens: string[];

  constructor(text: string) {
    this.#tokens = tokensOf(text);
  }

  query(): Query {
    const table = this.#next();
    const operators: Operator[] = [];
    while (this.#take('|')) operators.push(this.#operator());
    if (this.#tokens.length > 0) throw new KqlError(`'${this.#tokens[0] ?? ''}' after the query`);
    return { table, operators };
  }

  #next(): string {
    const one = this.#tokens.shift();
    if (one === undefined) throw new KqlError('the query ends too early');
    return one;
  }

  #take(text: string): boolean {
    if (this.#tokens[0] !== text) return false;
    this.#tokens.shift();
    return true;
  }

  #expect(text: string): void {
    if (!this.#take(text)) throw new KqlError(`expected '${text}', found '${this.#tokens[0] ?? 'the end'}'`);
  }

  #operator(): Operator {
    const kind = this.#next();
    switch (kind) {
      case 'where':
        return { kind, condition: this.#expression() };
      case 'extend':
      case 'project':
        return { kind, columns: this.#columns() };
      case 'summarize': {
        const columns = this.#tokens[0] === 'by' ? [] : this.#columns();
        return { kind, columns, by: this.#take('by') ? this.#columns() : [] };
      }
      case 'order': {
        this.#expect('by');
        const by = this.#expression();
        const direction = this.#next();
        if (direction !== 'asc' && direction !== 'desc') throw new KqlError("'order by' needs 'asc' or 'desc'");
        return { kind, by, descending: direction === 'desc' };
      }
      case 'take':
        return { kind, count: Number(this.#next()) };
      default:
        throw new KqlError(`there is no operator '${kind}' here`);
    }
  }

  #columns(): Named[] {
    const columns: Named[] = [];
    do {
      const named = this.#tokens[1] === '=';
      const name = named ? this.#next() : '';
      if (named) this.#expect('=');
      const expression = this.#expression();
      columns.push({ name: name === '' ? nameOf(expression) : name, expression });
    } while (this.#take(','));
    return columns;
  }

  #expression(level = 0): Expression {
    const operators = levels[level];
    if (operators === undefined) return this.#primary();
    let left = this.#expression(level + 1);
    for (;;) {
      const operator = operators.find((one) => this.#take(one));
      if (operator === undefined) return left;
      const right = operator.endsWith('in') ? this.#list() : this.#expression(level + 1);
      left = { kind: 'binary', operator, left, right };
    }
  }

  #list(): Expression {
    this.#expect('(');
    return { kind: 'list', items: this.#arguments() };
  }

  #arguments(): Expression[] {
    const args: Expression[] = [];
    while (!this.#take(')')) {
      args.push(this.#expression());
      if (this.#tokens[0] !== ')') this.#expect(',');
    }
    return args;
  }

  #primary(): Expression {
    const one = this.#next();
    if (one === '*') return { kind: 'all' };
    if (one === '(') {
      const inner = this.#expression();
      this.#expect(')');
      return inner;
    }
    if (one.startsWith("'")) return { kind: 'value', value: one.slice(1, -1) };
    const [, number, unit] = /^(\d+(?:\.\d+)?)([a-z]*)$/.exec(one) ?? [];
    if (number !== undefined) return { kind: 'value', value: Number(number) * (spans[unit ?? ''] ?? 1) };
    if (one === 'true' || one === 'false') return { kind: 'value', value: one === 'true' };
    if (!/^[A-Za-z_]/.test(one)) throw new KqlError(`'${one}' begins no expression`);
    return this.#take('(') ? { kind: 'call', name: one, args: this.#arguments() } : { kind: 'column', name: one };
  }
}

function nameOf(expression: Expression): string {
  if (expression.kind === 'column') return expression.name;
  if (expression.kind === 'call' && expression.name === 'arg_max') return '';
  throw new KqlError('a computed column needs a name');
}

/** Throws KqlError for what it does not know, so that nothing is passed over unread. */
export function parseQuery(text: string): Query {
  return new Parser(text).query();
}
