/** Where the counters of one organisation live. All keys share a hash tag, so that a cluster keeps them on one node. */
export interface CounterKeys {
  /** The epoch, since when, and which server had it. */
  readonly set: string;
  /** When each gateway was last heard. */
  readonly gateways: string;
  /** When each journal was last heard, those of gateways that are gone included. */
  readonly journals: string;
  readonly gateway: (journal: string) => string;
  /** The accounts that a journal speaks of. */
  readonly spoken: (journal: string) => string;
  readonly account: (name: string) => string;
  readonly rate: (name: string) => string;
  readonly permit: (name: string) => string;
  /** Where gateways ask each other for what lies idle. */
  readonly recalls: string;
}

export function counterKeys(prefix: string, organisation: string): CounterKeys {
  const key = (...parts: readonly string[]): string => [`${prefix}{${organisation}}`, ...parts].join(':');
  return {
    set: key('set'),
    gateways: key('gateways'),
    journals: key('journals'),
    gateway: (journal) => key('gateway', journal),
    spoken: (journal) => key('spoken', journal),
    account: (name) => key('account', name),
    rate: (name) => key('rate', name),
    permit: (name) => key('permit', name),
    recalls: key('recalls'),
  };
}
