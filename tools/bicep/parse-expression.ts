import { BicepSyntaxError } from './problem.ts';
import type { Expression, ForExpression, Property } from './syntax.ts';
import { TokenStream } from './token-stream.ts';
import type { Token } from './tokens.ts';

/** Binary operators from the weakest to the strongest. */
const levels = [['??'], ['||'], ['&&'], ['==', '!=', '=~', '!~'], ['<', '<=', '>', '>='], ['+', '-'], ['*', '/', '%']];

export function parseExpression(tokens: TokenStream): Expression {
  const condition = binary(tokens, 0);
  if (!tokens.takeAcrossLines('?')) return condition;
  tokens.skipLines();
  const yes = parseExpression(tokens);
  if (!tokens.takeAcrossLines(':')) throw new BicepSyntaxError("'?' without ':'", tokens.line);
  tokens.skipLines();
  return { kind: 'ternary', condition, yes, no: parseExpression(tokens), line: condition.line };
}

function binary(tokens: TokenStream, level: number): Expression {
  const operators = levels[level];
  if (operators === undefined) return unary(tokens);
  let left = binary(tokens, level + 1);
  for (;;) {
    const { line } = tokens;
    const operator = operators.find((one) => tokens.take(one));
    if (operator === undefined) return left;
    tokens.skipLines();
    left = { kind: 'binary', operator, left, right: binary(tokens, level + 1), line };
  }
}

function unary(tokens: TokenStream): Expression {
  const { line } = tokens;
  const operator = ['!', '-'].find((one) => tokens.take(one));
  return operator === undefined ? postfix(tokens) : { kind: 'unary', operator, operand: unary(tokens), line };
}

function postfix(tokens: TokenStream): Expression {
  let target = primary(tokens);
  for (;;) {
    const { line } = tokens;
    if (tokens.take('.')) target = member(tokens, target);
    else if (tokens.take('[')) target = index(tokens, target);
    else if (tokens.is('!')) {
      tokens.advance();
      target = { kind: 'assert', target, line };
    } else return target;
  }
}

function member(tokens: TokenStream, target: Expression): Expression {
  const { line } = tokens;
  const safe = tokens.take('?');
  const name = tokens.word("a name after '.'");
  if (!safe && tokens.is('(')) return { kind: 'call', target, name, args: callArguments(tokens), line };
  return { kind: 'member', target, name, safe, line };
}

function index(tokens: TokenStream, target: Expression): Expression {
  const { line } = tokens;
  const safe = tokens.take('?');
  const inner = parseExpression(tokens);
  tokens.expect(']');
  return { kind: 'index', target, index: inner, safe, line };
}

export function callArguments(tokens: TokenStream): Expression[] {
  tokens.expect('(');
  const args: Expression[] = [];
  tokens.skipLines();
  while (!tokens.take(')')) {
    args.push(parseExpression(tokens));
    tokens.skipLines();
    if (!tokens.take(',') && !tokens.is(')'))
      throw new BicepSyntaxError(`expected ',' or ')', found ${tokens.describe()}`, tokens.line);
    tokens.skipLines();
  }
  return args;
}

function primary(tokens: TokenStream): Expression {
  const token = tokens.now;
  const { line } = token;
  if (token.kind === 'text') {
    tokens.advance();
    return textOf(token.parts, line);
  }
  if (token.kind === 'number') {
    tokens.advance();
    return { kind: 'literal', value: Number(token.text), line };
  }
  if (token.kind === 'word') return word(tokens);
  if (tokens.is('{')) return parseObject(tokens);
  if (tokens.is('[')) return listOrLoop(tokens);
  if (tokens.is('(')) return parenthesis(tokens);
  throw new BicepSyntaxError(`expected an expression, found ${tokens.describe()}`, line);
}

function textOf(parts: readonly (string | readonly Token[])[], line: number): Expression {
  const [first] = parts;
  if (parts.length === 1 && typeof first === 'string') return { kind: 'literal', value: first, line };
  const parsed = parts.map((part) => (typeof part === 'string' ? part : wholeExpression(part)));
  return { kind: 'template', parts: parsed, line };
}

function wholeExpression(tokens: readonly Token[]): Expression {
  const stream = new TokenStream(tokens);
  const expression = parseExpression(stream);
  if (stream.now.kind !== 'end')
    throw new BicepSyntaxError(`${stream.describe()} after the expression in '\${…}'`, stream.line);
  return expression;
}

const constants: Readonly<Record<string, boolean | null>> = { true: true, false: false, null: null };

function word(tokens: TokenStream): Expression {
  const { line } = tokens;
  const name = tokens.word('a name');
  const constant = constants[name];
  if (constant !== undefined) return { kind: 'literal', value: constant, line };
  if (tokens.is('=>')) return lambda(tokens, [name], line);
  if (tokens.is('(')) return { kind: 'call', target: undefined, name, args: callArguments(tokens), line };
  return { kind: 'name', name, line };
}

function lambda(tokens: TokenStream, parameters: readonly string[], line: number): Expression {
  tokens.expect('=>');
  tokens.skipLines();
  return { kind: 'lambda', parameters, body: parseExpression(tokens), line };
}

function parenthesis(tokens: TokenStream): Expression {
  const { line } = tokens;
  const names = lambdaParameters(tokens);
  if (names !== undefined) return lambda(tokens, names, line);
  tokens.expect('(');
  tokens.skipLines();
  const inner = parseExpression(tokens);
  tokens.skipLines();
  tokens.expect(')');
  return inner;
}

/** `(a, b)` before `=>`; nothing is taken when it is not that. */
function lambdaParameters(tokens: TokenStream): string[] | undefined {
  const names: string[] = [];
  let skip = 1;
  for (; tokens.ahead(skip)?.kind === 'word'; skip += 1) {
    const name = tokens.ahead(skip);
    if (name?.kind === 'word') names.push(name.text);
    skip += 1;
    if (!isSign(tokens.ahead(skip), ',')) break;
  }
  if (!isSign(tokens.ahead(skip), ')') || !isSign(tokens.ahead(skip + 1), '=>')) return undefined;
  for (let taken = 0; taken <= skip; taken += 1) tokens.advance();
  return names;
}

function isSign(token: Token | undefined, text: string): boolean {
  return token?.kind === 'sign' && token.text === text;
}

export function parseObject(tokens: TokenStream): Extract<Expression, { kind: 'object' }> {
  const { line } = tokens;
  tokens.expect('{');
  const properties: Property[] = [];
  tokens.skipLines();
  while (!tokens.take('}')) {
    properties.push(property(tokens));
    separator(tokens, '}');
  }
  return { kind: 'object', properties, line };
}

function property(tokens: TokenStream): Property {
  const { line } = tokens;
  const token = tokens.advance();
  let key: Expression;
  if (token.kind === 'word') key = { kind: 'literal', value: token.text, line };
  else if (token.kind === 'text') key = textOf(token.parts, line);
  else throw new BicepSyntaxError('expected the name of a property', line);
  tokens.expect(':');
  tokens.skipLines();
  return { key, value: parseExpression(tokens), line };
}

/** Items end with a line or a comma; before the closing sign with nothing. */
function separator(tokens: TokenStream, closing: string): void {
  if (tokens.is(closing)) return;
  const comma = tokens.take(',');
  if (!comma && !tokens.is('\n'))
    throw new BicepSyntaxError(`expected a new line, ',' or '${closing}', found ${tokens.describe()}`, tokens.line);
  tokens.skipLines();
}

function listOrLoop(tokens: TokenStream): Expression {
  const { line } = tokens;
  tokens.expect('[');
  tokens.skipLines();
  if (tokens.is('for')) return parseLoop(tokens, line);
  const items: Expression[] = [];
  while (!tokens.take(']')) {
    items.push(parseExpression(tokens));
    separator(tokens, ']');
  }
  return { kind: 'array', items, line };
}

/** From `for` on, to the closing bracket. */
function parseLoop(tokens: TokenStream, line: number): ForExpression {
  tokens.expect('for');
  const pair = tokens.take('(');
  const item = tokens.word('the name of the item');
  let second: string | undefined;
  if (pair) {
    tokens.expect(',');
    second = tokens.word('the name of the index');
    tokens.expect(')');
  }
  tokens.expect('in');
  const over = parseExpression(tokens);
  tokens.expect(':');
  tokens.skipLines();
  const condition = parseCondition(tokens);
  const body = parseExpression(tokens);
  tokens.skipLines();
  tokens.expect(']');
  return { kind: 'for', item, index: second, over, condition, body, line };
}

/** `if (…)` before the body of a resource or module. */
export function parseCondition(tokens: TokenStream): Expression | undefined {
  if (!tokens.is('if')) return undefined;
  tokens.advance();
  return parenthesis(tokens);
}

export function parseLoopStatement(tokens: TokenStream): ForExpression | undefined {
  if (!tokens.is('[')) return undefined;
  const loop = listOrLoop(tokens);
  if (loop.kind !== 'for') throw new BicepSyntaxError("expected '[for …: {…}]'", loop.line);
  return loop;
}
