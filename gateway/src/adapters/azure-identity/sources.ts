import type { TokenCredential } from '@azure/identity';
import type { FreshToken, TokenSource } from './token-cache.ts';

/** Who the gateway is: from the environment, where Azure's own tools look for it. */
export interface IdentitySettings {
  /** The client id of a user-assigned identity or a federated application; undefined: the system-assigned one. */
  readonly clientId: string | undefined;
}

/**
 * The managed identity of the machine or container, by Microsoft's own library underneath `@azure/identity`, which that
 * one gives no way to ask anew: after a refusal the token in its cache would come again.
 */
export function managedIdentity({ clientId }: IdentitySettings): TokenSource {
  let application: Promise<{ acquire(resource: string): Promise<FreshToken> }> | undefined;
  return {
    name: 'managed-identity',
    async fetch(scope) {
      application ??= openManagedIdentity(clientId);
      return await (await application).acquire(scope.replace(/\/\.default$/, ''));
    },
  };
}

async function openManagedIdentity(clientId: string | undefined) {
  // Where no endpoint asks for it, it is not loaded.
  const { ManagedIdentityApplication } = await import('@azure/msal-node');
  const application = new ManagedIdentityApplication({
    ...(clientId === undefined ? {} : { managedIdentityIdParams: { userAssignedClientId: clientId } }),
    // How often and how long is tried is decided in one place: the token cache.
    system: { disableInternalRetries: true },
  });
  return {
    async acquire(resource: string): Promise<FreshToken> {
      const { accessToken, expiresOn } = await application.acquireToken({ resource, forceRefresh: true });
      if (accessToken === '' || expiresOn === null) throw new Error('The token service answered without a token.');
      return { text: accessToken, expiresAt: expiresOn.getTime() };
    },
  };
}

/**
 * Whose authority it is stands in the environment of the process, which is trusted: nobody is asked beside it whether the
 * address is one of Microsoft's, which networks without a way to the internet could not.
 */
const authority = { disableInstanceDiscovery: true };

/** Kubernetes: a token of the cluster is exchanged for one of Entra. */
export function workloadIdentity({ clientId }: IdentitySettings): TokenSource {
  return byCredential('workload-identity', async () => {
    const { WorkloadIdentityCredential } = await import('@azure/identity');
    return new WorkloadIdentityCredential({ ...authority, ...(clientId === undefined ? {} : { clientId }) });
  });
}

/** For developers: whatever they are signed in with (environment, Azure CLI, azd, …). */
export function developerIdentity({ clientId }: IdentitySettings): TokenSource {
  return byCredential('default', async () => {
    const { DefaultAzureCredential } = await import('@azure/identity');
    return new DefaultAzureCredential({
      ...authority,
      ...(clientId === undefined ? {} : { managedIdentityClientId: clientId }),
    });
  });
}

function byCredential(name: string, open: () => Promise<TokenCredential>): TokenSource {
  let credential: Promise<TokenCredential> | undefined;
  return {
    name,
    async fetch(scope) {
      credential ??= open();
      const got = await (await credential).getToken(scope);
      if (got === null) throw new Error('The token service answered without a token.');
      return { text: got.token, expiresAt: got.expiresOnTimestamp };
    },
  };
}
