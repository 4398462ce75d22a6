import { callArguments, parseCondition, parseExpression, parseLoopStatement, parseObject } from './parse-expression.ts';
import { BicepSyntaxError } from './problem.ts';
import type { Declaration, Decorator, Output, Parameter, Template, Variable } from './syntax.ts';
import { scan } from './tokens.ts';
import { TokenStream } from './token-stream.ts';

/** How a statement begins that was read already: its line, and what stood above it. */
interface Head {
  readonly line: number;
  readonly decorators: readonly Decorator[];
}

/**
 * Reads the part of Bicep that these templates are written in: parameters, variables, resources, modules and outputs,
 * with decorators, loops, conditions and lambdas. What it does not know (imports, types and functions of one's own,
 * nested resources, spreads) is an error, so that nothing is passed over unread. Throws BicepSyntaxError.
 */
export function parseTemplate(file: string, source: string): Template {
  const tokens = new TokenStream(scan(source));
  const statements: Template['statements'][number][] = [];
  let scope = 'resourceGroup';
  for (;;) {
    tokens.skipLines();
    if (tokens.now.kind === 'end') return { file, scope, statements };
    const head = { line: tokens.line, decorators: decorators(tokens) };
    const keyword = tokens.word('a statement');
    if (keyword === 'targetScope') {
      tokens.expect('=');
      scope = tokens.plainText('a scope');
    } else if (keyword !== 'metadata') statements.push(statement(tokens, keyword, head));
    else {
      tokens.word('a name');
      tokens.expect('=');
      parseExpression(tokens);
    }
    if (!tokens.is('\n')) throw new BicepSyntaxError(`expected a new line, found ${tokens.describe()}`, tokens.line);
  }
}

function decorators(tokens: TokenStream): Decorator[] {
  const found: Decorator[] = [];
  while (tokens.take('@')) {
    const { line } = tokens;
    let name = tokens.word('the name of a decorator');
    if (name === 'sys' && tokens.take('.')) name = tokens.word('the name of a decorator');
    found.push({ name, args: callArguments(tokens), line });
    tokens.skipLines();
  }
  return found;
}

function statement(tokens: TokenStream, keyword: string, head: Head): Template['statements'][number] {
  switch (keyword) {
    case 'param':
      return parameter(tokens, head);
    case 'var':
      return variable(tokens, head);
    case 'output':
      return output(tokens, head);
    case 'resource':
    case 'module':
      return declaration(tokens, keyword, head);
    default:
      throw new BicepSyntaxError(`'${keyword}' begins no statement that is used here`, head.line);
  }
}

function typeName(tokens: TokenStream): string {
  let type = tokens.word('a type');
  while (tokens.take('[')) {
    tokens.expect(']');
    type += '[]';
  }
  return tokens.take('?') ? `${type}?` : type;
}

function parameter(tokens: TokenStream, head: Head): Parameter {
  const name = tokens.word('the name of a parameter');
  const type = typeName(tokens);
  const defaultValue = tokens.take('=') ? parseExpression(tokens) : undefined;
  return { kind: 'param', name, type, defaultValue, ...head };
}

function variable(tokens: TokenStream, head: Head): Variable {
  const name = tokens.word('the name of a variable');
  tokens.expect('=');
  return { kind: 'var', name, value: parseExpression(tokens), ...head };
}

function output(tokens: TokenStream, head: Head): Output {
  const name = tokens.word('the name of an output');
  const type = typeName(tokens);
  tokens.expect('=');
  return { kind: 'output', name, type, value: parseExpression(tokens), ...head };
}

function declaration(tokens: TokenStream, kind: 'resource' | 'module', head: Head): Declaration {
  const name = tokens.word(`the name of a ${kind}`);
  const reference = tokens.plainText(`what ${kind} it is`);
  const existing = tokens.take('existing');
  tokens.expect('=');
  const loop = parseLoopStatement(tokens);
  const common = { kind, name, reference, existing, ...head };
  if (loop === undefined) {
    const condition = parseCondition(tokens);
    return { ...common, loop, condition, body: parseObject(tokens) };
  }
  if (loop.body.kind !== 'object') throw new BicepSyntaxError('the body of a loop is an object here', loop.line);
  return { ...common, loop, condition: loop.condition, body: loop.body };
}
