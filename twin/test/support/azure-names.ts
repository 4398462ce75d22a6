// Libraries of Azure check the name of the service that they talk to: here those names lead to this machine, and what
// the twin shows is trusted. For a process of its own (each test file is one).
import dns, { type LookupAddress } from 'node:dns';
import tls from 'node:tls';
import type { RunningTwin } from '#server.ts';

/** Trusts the twin's authority, and leads `*.vault.azure.net` and `*.azconfig.io` to it. Where they are, then. */
export function leadHere(twin: RunningTwin): { readonly vault: string; readonly store: string } {
  tls.setDefaultCACertificates([...tls.getCACertificates(), twin.authority ?? '']);
  const usual = dns.lookup;
  const lookup = (name: string, options: object, done: (error: null, found: LookupAddress[]) => void): void => {
    if (/\.(vault\.azure\.net|azconfig\.io)$/.test(name)) done(null, [{ address: '127.0.0.1', family: 4 }]);
    else Reflect.apply(usual, dns, [name, options, done]);
  };
  Object.assign(dns, { lookup });
  const { port } = new URL(twin.secureUrl ?? '');
  return { vault: `https://contoso.vault.azure.net:${port}`, store: `https://contoso.azconfig.io:${port}` };
}
