/**
 * What Azure knows only while it deploys (an endpoint, a principal id, a key). Its text is the expression it comes
 * from, in ⟦…⟧, so that a check can still see where it leads.
 */
export class Unknown {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }

  toJSON(): string {
    return this.text;
  }
}

export type Callable = (...args: readonly Value[]) => Value;

/** A resource or a module of the template, as its name stands for it in expressions. */
export interface Handle {
  readonly handle: 'resource' | 'module';
  readonly symbol: string;
  /** False where the condition of its declaration does not hold. */
  readonly deployed: boolean;
  member(name: string): Value;
}

export interface ObjectValue {
  readonly [key: string]: Value;
}
export type Value = string | number | boolean | null | Unknown | Callable | Handle | readonly Value[] | ObjectValue;

/** An expression that cannot be computed; becomes a problem at the line where it stands. */
export class EvaluationError extends Error {
  override readonly name = 'EvaluationError';
  readonly line: number | undefined;
  readonly rule: string;

  constructor(message: string, at: { readonly line?: number; readonly rule?: string } = {}) {
    super(message);
    this.line = at.line;
    this.rule = at.rule ?? 'evaluation';
  }
}

export const isList = (value: Value): value is readonly Value[] => Array.isArray(value);

export function isHandle(value: Value): value is Handle {
  return typeof value === 'object' && value !== null && 'handle' in value && typeof value['member'] === 'function';
}

export function isObject(value: Value): value is ObjectValue {
  return (
    typeof value === 'object' && value !== null && !isList(value) && !(value instanceof Unknown) && !isHandle(value)
  );
}

export function unknown(text: string): Unknown {
  return new Unknown(text.startsWith('⟦') && text.endsWith('⟧') ? text : `⟦${text}⟧`);
}

/** As it stands inside a longer text. */
export function asText(value: Value): string {
  if (value instanceof Unknown) return value.text;
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (value === null) return '';
  return JSON.stringify(value);
}

export function hasUnknown(value: Value): boolean {
  if (value instanceof Unknown) return true;
  if (isList(value)) return value.some(hasUnknown);
  return isObject(value) && Object.values(value).some(hasUnknown);
}

export function describe(value: Value): string {
  if (value === null) return 'null';
  if (value instanceof Unknown) return value.text;
  if (isList(value)) return 'a list';
  if (isHandle(value)) return `the ${value.handle} '${value.symbol}'`;
  return typeof value === 'object' ? 'an object' : JSON.stringify(value);
}
