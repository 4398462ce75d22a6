// The door for whoever deploys where the network is closed: one address in the rules of registry and key vault, from
// `preprovision` or `predeploy` until `postdeploy`.
import { setTimeout as wait } from 'node:timers/promises';
import { all } from './check-existing.mjs';

/** Whether there is a door to be opened at all. */
export const opensDoor = ({ NETWORK_ISOLATION: isolated, ALLOW_DEPLOYER_IP: allowed }) =>
  isolated === 'true' && allowed !== 'false';

/** The address that this machine has on the internet, as a service there sees it. */
export async function ownAddress({ DEPLOYER_IP_SERVICE: service }) {
  const reply = await fetch(service || 'https://api.ipify.org', { signal: AbortSignal.timeout(10_000) });
  const text = (await reply.text()).trim();
  if (!reply.ok || !/^(\d{1,3}\.){3}\d{1,3}$/.test(text))
    throw new Error(`no IPv4 address was answered: ${text.slice(0, 80)}`);
  return text;
}

const registries = {
  type: 'Microsoft.ContainerRegistry/registries',
  version: '2025-11-01',
  rules: 'networkRuleSet',
  known: 'AZURE_CONTAINER_REGISTRY_NAME',
};
const vaults = {
  type: 'Microsoft.KeyVault/vaults',
  version: '2026-02-01',
  rules: 'networkAcls',
  known: 'AZURE_KEY_VAULT_NAME',
};

const placeOf = ({ type, version, rules }, { AZURE_RESOURCE_GROUP: group }, name) => ({
  path: `resourceGroups/${group}/providers/${type}/${name}`,
  version,
  rules,
});

/**
 * Where an address may have been let in. azd knows the names after a deployment that was done; after one that broke off they
 * are looked for, since what it had made by then is open all the same.
 */
export async function doorsOf(subscription, settings) {
  const group = settings.AZURE_RESOURCE_GROUP || `rg-${settings.AZURE_ENV_NAME}`;
  const places = await Promise.all(
    [registries, vaults].map(async (kind) => {
      const found = settings[kind.known]
        ? [{ name: settings[kind.known] }]
        : await all(subscription, settings, [kind.type, kind.version]);
      return found.map(({ name }) => placeOf(kind, { AZURE_RESOURCE_GROUP: group }, name));
    }),
  );
  return places.flat();
}

async function read(subscription, { path, version, rules }, address) {
  const { properties } = await subscription.get(path, version);
  const before = properties[rules]?.ipRules ?? [];
  return {
    before,
    others: before.filter(({ value }) => value !== address && value !== `${address}/32`),
    write: (ipRules) =>
      subscription.patch(path, version, {
        properties: {
          [rules]: { ...properties[rules], ipRules },
          publicNetworkAccess: ipRules.length === 0 ? 'Disabled' : 'Enabled',
        },
      }),
  };
}

/** Lets an address into the registry; false where it was let in already. */
export async function openRegistry(subscription, settings, address) {
  const { before, others, write } = await read(
    subscription,
    placeOf(registries, settings, settings.AZURE_CONTAINER_REGISTRY_NAME),
    address,
  );
  if (others.length < before.length) return false;
  await write([...before, { action: 'Allow', value: address }]);
  return true;
}

/** Waits, a minute at most, until the registry no longer refuses this machine: a rule takes a while to be in force. */
export async function untilOpen(loginServer) {
  for (let turn = 0; turn < 12; turn += 1) {
    const reply = await fetch(`https://${loginServer}/v2/`, { signal: AbortSignal.timeout(5000) }).catch(
      () => undefined,
    );
    if (reply?.status !== 403) return;
    await wait(5000);
  }
}

/** Takes an address out of the rules of a resource; where none is left, the public door is shut. */
export async function shut(subscription, place, address) {
  const { before, others, write } = await read(subscription, place, address);
  if (others.length < before.length) await write(others);
}
