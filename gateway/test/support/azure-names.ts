// Libraries of Azure check the name of the service that they talk to: here those names lead to this machine, and what
// the twin shows is trusted. For a process of its own: each test file is one.
import dns, { type LookupAddress } from 'node:dns';
import tls from 'node:tls';
import type { RunningTwin } from '../../../twin/src/server.ts';

export interface AzureNames {
  /** `https://contoso.vault.azure.net:port`. */
  readonly vault: string;
  /** `https://contoso.azconfig.io:port`. */
  readonly store: string;
}

/** Leads `*.vault.azure.net` and `*.azconfig.io` to this machine. */
export function leadAzureHere(): void {
  const usual = dns.lookup;
  const lookup = (name: string, options: object, done: (error: null, found: LookupAddress[]) => void): void => {
    if (/\.(vault\.azure\.net|azconfig\.io)$/.test(name)) done(null, [{ address: '127.0.0.1', family: 4 }]);
    else Reflect.apply(usual, dns, [name, options, done]);
  };
  Object.assign(dns, { lookup });
}

/** Where the twin's services are, in this process. The twin must listen over TLS. */
export function azureNames(twin: RunningTwin): AzureNames {
  tls.setDefaultCACertificates([...tls.getCACertificates(), twin.authority ?? '']);
  leadAzureHere();
  const { port } = new URL(twin.secureUrl ?? '');
  return { vault: `https://contoso.vault.azure.net:${port}`, store: `https://contoso.azconfig.io:${port}` };
}
