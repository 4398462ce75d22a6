// Runs after `azd deploy`: the address of whoever deployed is let in no longer. Run it by hand where a deployment broke
// off: node infra/hooks/postdeploy.mjs, with the values of `azd env get-values` in the environment.
import { registryOf, shut, vaultOf } from './door.mjs';
import { AzureError, openSubscription, setEnvironment } from './resource-manager.mjs';

const settings = process.env;
const { DEPLOYER_IP: address } = settings;

if (address) {
  try {
    const subscription = await openSubscription(settings);
    for (const place of [registryOf(settings), vaultOf(settings)]) await shut(subscription, place, address);
    await setEnvironment('DEPLOYER_IP', '');
    console.log(`${address} is let in no longer.`);
  } catch (thrown) {
    if (!(thrown instanceof AzureError)) throw thrown;
    console.error(`${address} is still let in: ${thrown.message} Run 'node infra/hooks/postdeploy.mjs' again.`);
    process.exitCode = 1;
  }
}
