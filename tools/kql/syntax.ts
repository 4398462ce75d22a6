/** The part of the Kusto Query Language that the queries in `infra/queries` are written in. */
export type Expression =
  | { readonly kind: 'value'; readonly value: string | number | boolean }
  | { readonly kind: 'column'; readonly name: string }
  /** `*`, in `arg_max(x, *)`. */
  | { readonly kind: 'all' }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Expression[] }
  | { readonly kind: 'binary'; readonly operator: string; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'list'; readonly items: readonly Expression[] };

/** `Name = expression`; the name is that of the column where none is given. */
export interface Named {
  readonly name: string;
  readonly expression: Expression;
}

export type Operator =
  | { readonly kind: 'where'; readonly condition: Expression }
  | { readonly kind: 'extend' | 'project'; readonly columns: readonly Named[] }
  | { readonly kind: 'summarize'; readonly columns: readonly Named[]; readonly by: readonly Named[] }
  | { readonly kind: 'order'; readonly by: Expression; readonly descending: boolean }
  | { readonly kind: 'take'; readonly count: number };

export interface Query {
  readonly table: string;
  readonly operators: readonly Operator[];
}

export class KqlError extends Error {
  override readonly name = 'KqlError';
}
