import { Failure } from '#kernel/errors.ts';
import type { Subscription, SubscriptionDirectory } from '#model/caller.ts';
import type { Arrival } from '#model/arrival.ts';
import type { TokenClaims, TokenRule, TokenTerms } from '#model/token-terms.ts';

/** The subscription that a believed token stands for, by the first rule that fits. */
export function subscriptionOf(
  { headers, snapshot }: Pick<Arrival, 'headers' | 'snapshot'>,
  claims: TokenClaims,
  terms: TokenTerms,
): Subscription {
  checkRequired(claims, terms);
  const rule = terms.rules.find((one) => fits(one, claims));
  if (rule === undefined) throw new Failure('token_not_allowed', whyNone(claims, terms));
  return 'header' in rule.charged
    ? namedBy(headers, rule.charged.header, snapshot.directory)
    : named(rule.charged.subscription, snapshot.directory);
}

function named(name: string, { subscriptions }: SubscriptionDirectory): Subscription {
  const subscription = subscriptions.get(name);
  if (subscription !== undefined) return subscription;
  throw new Failure('token_not_allowed', `The token stands for the subscription '${name}', which does not exist.`);
}

/** A header that stands twice comes as one text with a comma in it, which is nobody's name. */
function namedBy(headers: Arrival['headers'], header: string, { subscriptions }: SubscriptionDirectory): Subscription {
  const name = headers[header];
  const subscription = typeof name === 'string' ? subscriptions.get(name) : undefined;
  if (subscription !== undefined) return subscription;
  throw new Failure(
    'token_not_allowed',
    `The header ${header} has to name a subscription: it says whose call this is.`,
  );
}

function checkRequired({ roles, scopes }: TokenClaims, { requires }: TokenTerms): void {
  if (requires.roles.size === 0 && requires.scopes.size === 0) return;
  if (roles.some((one) => requires.roles.has(one)) || scopes.some((one) => requires.scopes.has(one))) return;
  const wanted = [
    ...[...requires.roles].map((one) => `the role '${one}'`),
    ...[...requires.scopes].map((one) => `the scope '${one}'`),
  ];
  throw new Failure('token_not_allowed', `The token needs ${wanted.join(' or ')}.`);
}

function fits(rule: TokenRule, claims: TokenClaims): boolean {
  if (rule.tenant !== null && rule.tenant !== claims.tenant) return false;
  if (rule.clientId !== null && rule.clientId !== claims.clientId) return false;
  if (rule.group !== null && claims.groups?.includes(rule.group) !== true) return false;
  if (rule.role !== null && !claims.roles.includes(rule.role)) return false;
  return rule.claims.every(([name, value]) => says(claims.all[name], value));
}

/** Exactly the text, or a list that holds it: a claim is never taken apart, and a number is no text. */
function says(claim: unknown, value: string): boolean {
  return claim === value || (Array.isArray(claim) && claim.includes(value));
}

function whyNone({ clientId, groups }: TokenClaims, { rules }: TokenTerms): string {
  const base = `No entry of entra.callers fits the application ${clientId}.`;
  return groups === null && rules.some((rule) => rule.group !== null)
    ? `${base} It is a member of more groups than a token can list: give it an app role instead.`
    : base;
}
