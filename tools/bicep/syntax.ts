/** What a Bicep file consists of. `line` counts from 1. */
interface Node {
  readonly line: number;
}

export type Expression =
  | (Node & { readonly kind: 'literal'; readonly value: string | number | boolean | null })
  /** Text with `${…}` in it: literal parts and expressions in turn. */
  | (Node & { readonly kind: 'template'; readonly parts: readonly (string | Expression)[] })
  | (Node & { readonly kind: 'name'; readonly name: string })
  | (Node & {
      readonly kind: 'call';
      readonly target: Expression | undefined;
      readonly name: string;
      readonly args: readonly Expression[];
    })
  | (Node & { readonly kind: 'member'; readonly target: Expression; readonly name: string; readonly safe: boolean })
  | (Node & { readonly kind: 'index'; readonly target: Expression; readonly index: Expression; readonly safe: boolean })
  /** `x!`: not null, the author says. */
  | (Node & { readonly kind: 'assert'; readonly target: Expression })
  | (Node & { readonly kind: 'unary'; readonly operator: string; readonly operand: Expression })
  | (Node & {
      readonly kind: 'binary';
      readonly operator: string;
      readonly left: Expression;
      readonly right: Expression;
    })
  | (Node & {
      readonly kind: 'ternary';
      readonly condition: Expression;
      readonly yes: Expression;
      readonly no: Expression;
    })
  | (Node & { readonly kind: 'object'; readonly properties: readonly Property[] })
  | (Node & { readonly kind: 'array'; readonly items: readonly Expression[] })
  | ForExpression
  | (Node & { readonly kind: 'lambda'; readonly parameters: readonly string[]; readonly body: Expression });

/** Expressions that are put together from others by operators, brackets or loops. */
export type Composite = Extract<
  Expression,
  { kind: 'unary' | 'binary' | 'ternary' | 'object' | 'array' | 'for' | 'lambda' }
>;

const composites: ReadonlySet<string> = new Set(['unary', 'binary', 'ternary', 'object', 'array', 'for', 'lambda']);

export function isComposite(expression: Expression): expression is Composite {
  return composites.has(expression.kind);
}

export interface ForExpression extends Node {
  readonly kind: 'for';
  readonly item: string;
  readonly index: string | undefined;
  readonly over: Expression;
  readonly condition: Expression | undefined;
  readonly body: Expression;
}

export interface Property extends Node {
  readonly key: Expression;
  readonly value: Expression;
}

export interface Decorator extends Node {
  /** `description`, `sys.secure`, … without its `sys.`. */
  readonly name: string;
  readonly args: readonly Expression[];
}

interface Statement extends Node {
  readonly name: string;
  readonly decorators: readonly Decorator[];
}

export interface Parameter extends Statement {
  readonly kind: 'param';
  /** `string`, `int`, `bool`, `object`, `array`, `string[]`, …; a `?` at its end allows null. */
  readonly type: string;
  readonly defaultValue: Expression | undefined;
}

export interface Variable extends Statement {
  readonly kind: 'var';
  readonly value: Expression;
}

export interface Output extends Statement {
  readonly kind: 'output';
  readonly type: string;
  readonly value: Expression;
}

/** A resource or a module: `loop` and `condition` are taken out of what follows the `=`. */
export interface Declaration extends Statement {
  readonly kind: 'resource' | 'module';
  /** `Microsoft.X/y@version`, or the path of the module. */
  readonly reference: string;
  readonly existing: boolean;
  readonly loop: ForExpression | undefined;
  readonly condition: Expression | undefined;
  readonly body: Extract<Expression, { kind: 'object' }>;
}

export type AnyStatement = Parameter | Variable | Output | Declaration;

export function isDeclaration(statement: AnyStatement): statement is Declaration {
  return statement.kind === 'resource' || statement.kind === 'module';
}

export interface Template {
  readonly file: string;
  readonly scope: string;
  readonly statements: readonly AnyStatement[];
}
