// Runs after `azd deploy`: the address of whoever deployed is let in no longer. Run it by hand where a deployment broke
// off: node infra/hooks/postdeploy.mjs, with the values of `azd env get-values` in the environment.
import { AzureError, openSubscription, setEnvironment } from './resource-manager.mjs';

const settings = process.env;
const {
  AZURE_CONTAINER_REGISTRY_NAME: registry,
  AZURE_KEY_VAULT_NAME: vault,
  AZURE_RESOURCE_GROUP: group,
  DEPLOYER_IP: address,
} = settings;
const places = [
  {
    path: `resourceGroups/${group}/providers/Microsoft.ContainerRegistry/registries/${registry}`,
    version: '2025-11-01',
    rules: 'networkRuleSet',
  },
  {
    path: `resourceGroups/${group}/providers/Microsoft.KeyVault/vaults/${vault}`,
    version: '2026-02-01',
    rules: 'networkAcls',
  },
];

/** Takes one address out of the rules of a resource; where none is left, the public door is shut. */
async function shut(subscription, { path, version, rules }) {
  const { properties } = await subscription.get(path, version);
  const before = properties[rules]?.ipRules ?? [];
  const after = before.filter(({ value }) => value !== address && value !== `${address}/32`);
  if (after.length === before.length) return;
  await subscription.patch(path, version, {
    properties: {
      [rules]: { ...properties[rules], ipRules: after },
      publicNetworkAccess: after.length === 0 ? 'Disabled' : 'Enabled',
    },
  });
}

if (address) {
  try {
    const subscription = await openSubscription(settings);
    for (const place of places) await shut(subscription, place);
    await setEnvironment('DEPLOYER_IP', '');
    console.log(`${address} is let in no longer.`);
  } catch (thrown) {
    if (!(thrown instanceof AzureError)) throw thrown;
    console.error(`${address} is still let in: ${thrown.message} Run 'node infra/hooks/postdeploy.mjs' again.`);
    process.exitCode = 1;
  }
}
