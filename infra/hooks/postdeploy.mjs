// Runs after `azd deploy`: the address of whoever deployed is let in no longer. Where a deployment broke off, pipelines run it
// all the same; by hand: azd hooks run postdeploy.
import { doorsOf, shut } from './door.mjs';
import { AzureError, openSubscription, setEnvironment } from './resource-manager.mjs';

const settings = process.env;
const { DEPLOYER_IP: address } = settings;

if (address) {
  try {
    const subscription = await openSubscription(settings);
    for (const place of await doorsOf(subscription, settings)) await shut(subscription, place, address);
    await setEnvironment('DEPLOYER_IP', '');
    console.log(`${address} is let in no longer.`);
  } catch (thrown) {
    if (!(thrown instanceof AzureError)) throw thrown;
    console.error(`${address} is still let in: ${thrown.message} Run 'azd hooks run postdeploy'.`);
    process.exitCode = 1;
  }
}
