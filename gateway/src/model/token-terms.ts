/** Whom a token stands for. What is null or empty is not asked; everything else has to fit. */
export interface TokenRule {
  /**
   * The name of the subscription that is charged; or the header (lower-case) in which whoever shows the token says it:
   * a gateway in front, which has found out who calls.
   */
  readonly charged: { readonly subscription: string } | { readonly header: string };
  /** Tenant id, lower-case. */
  readonly tenant: string | null;
  /** The application that asked for the token, lower-case. */
  readonly clientId: string | null;
  /** Object id of a group that it is a member of, lower-case. */
  readonly group: string | null;
  readonly role: string | null;
  /** Claims by name, and what they have to say: a text, or one of the texts of a list. */
  readonly claims: readonly (readonly [name: string, value: string])[];
}

/** What a caller has to show: a key or a token, a token in any case, or both. */
export const callerProofs = ['key-or-token', 'token', 'key-and-token'] as const;
export type CallerProof = (typeof callerProofs)[number];

/** Whether a text is taken for a JSON Web Token, good or not: the Base64 of `{"`, and parts. No key is like that. */
export function hasTokenForm(text: string): boolean {
  return text.startsWith('eyJ') && text.includes('.');
}

/** Which access tokens of Microsoft Entra callers may show. Another object with every configuration. */
export interface TokenTerms {
  readonly proof: CallerProof;
  /** Where the tenants' keys are read, without a slash at its end: `https://login.microsoftonline.com`. */
  readonly authority: string;
  /** What tokens of version 1 name as their issuer, before the tenant's id: `https://sts.windows.net`. */
  readonly firstIssuer: string;
  /** Ids, lower-case. */
  readonly tenants: readonly string[];
  readonly audiences: readonly string[];
  /** How far the clocks of Entra and the gateway may differ, ms. */
  readonly clockSkewMs: number;
  /** A token needs one of these roles or scopes; where both are empty, none. */
  readonly requires: { readonly roles: ReadonlySet<string>; readonly scopes: ReadonlySet<string> };
  /** In the order of the file: the first that fits decides. */
  readonly rules: readonly TokenRule[];
}

/** What a token that is believed says. */
export interface TokenClaims {
  /** Lower-case. */
  readonly tenant: string;
  /** Lower-case. */
  readonly clientId: string;
  /** App roles, of an application or a person. */
  readonly roles: readonly string[];
  /** What a person has allowed the application to do on their behalf. */
  readonly scopes: readonly string[];
  /** Object ids, lower-case; null where they are too many for a token. */
  readonly groups: readonly string[] | null;
  /** Everything in it. Never logged. */
  readonly all: Readonly<Record<string, unknown>>;
}
