import { Failure } from '#kernel/errors.ts';
import type { Arrival } from '#model/arrival.ts';
import type { Subscription } from '#model/caller.ts';
import type { FrontTerms } from '#model/front-terms.ts';

const hash = /(?:^|;)Hash=([0-9a-fA-F]{64})(?=;|$)/;

/**
 * The subscription that a gateway in front names, proven by its certificate; undefined where no certificate came, or
 * another one: then whoever calls shows a key or a token like everybody.
 */
export function subscriptionByFront({ headers, snapshot }: Arrival, terms: FrontTerms): Subscription | undefined {
  const told = headers[terms.certificateHeader];
  if (typeof told !== 'string' || !terms.certificates.has(fingerprintIn(told))) return undefined;
  const name = headers[terms.subscriptionHeader];
  // A header that stands twice comes as one text with a comma in it, which is nobody's name.
  const subscription = typeof name === 'string' ? snapshot.directory.subscriptions.get(name) : undefined;
  if (subscription !== undefined) return subscription;
  throw new Failure(
    'caller_not_named',
    `The header ${terms.subscriptionHeader} has to name a subscription: it says whose call this is.`,
  );
}

/** Of one certificate. Where several are told of, somebody stood in between, and none is believed. */
function fingerprintIn(told: string): string {
  const several = told.indexOf('Hash=') !== told.lastIndexOf('Hash=');
  return several ? '' : (hash.exec(told)?.[1]?.toLowerCase() ?? '');
}
