/** A secret of Azure Key Vault, by its address. */
export interface KeyVaultReference {
  /** `https://name.vault.azure.net`. */
  readonly vault: string;
  readonly name: string;
  /** Undefined: whichever is the newest. */
  readonly version: string | undefined;
  /** Whom tokens for this vault are for. */
  readonly scope: string;
  /** It stands for Key Vault on this machine: nobody owns that name, so nothing can be checked by it. */
  readonly isLocal: boolean;
}

/** Whose hosts Microsoft alone gives out, and whom a token that is sent there is for. It is sent nowhere else. */
const clouds: ReadonlyMap<string, string> = new Map([
  ['.vault.azure.net', 'https://vault.azure.net/.default'],
  ['.vault.azure.cn', 'https://vault.azure.cn/.default'],
  ['.vault.usgovcloudapi.net', 'https://vault.usgovcloudapi.net/.default'],
]);
const publicScope = 'https://vault.azure.net/.default';
const path = /^\/secrets\/([0-9A-Za-z-]{1,127})(?:\/([0-9A-Fa-f]{32}))?\/?$/;

const isLocalHost = (host: string): boolean =>
  host === 'localhost' || host === '[::1]' || /^127(?:[.]\d+){3}$/.test(host);

/** `https://name.vault.azure.net/secrets/name[/version]`; undefined where a text is no such address. */
export function readKeyVaultReference(text: string): KeyVaultReference | undefined {
  const url = URL.parse(text);
  if (url === null || url.protocol !== 'https:' || url.username !== '' || url.password !== '') return undefined;
  const [, name, version] = path.exec(url.pathname) ?? [];
  if (name === undefined || url.search !== '' || url.hash !== '') return undefined;
  const isLocal = isLocalHost(url.hostname);
  const scope = isLocal ? publicScope : scopeOf(url.hostname);
  return scope === undefined ? undefined : { vault: url.origin, name, version, scope, isLocal };
}

function scopeOf(host: string): string | undefined {
  for (const [suffix, scope] of clouds)
    if (host.endsWith(suffix) && /^[a-z0-9-]+$/.test(host.slice(0, -suffix.length))) return scope;
  return undefined;
}
