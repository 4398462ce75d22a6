// Runs before `azd deploy`: the registry must be there to push to, and reachable. Where the network is closed, the door may be
// shut although `azd provision` has just run: it skips templates whose parameters are those of the time before.
import { openRegistry, opensDoor, ownAddress, untilOpen } from './door.mjs';
import { openSubscription, setEnvironment } from './resource-manager.mjs';

const settings = process.env;
const { AZURE_CONTAINER_REGISTRY_ENDPOINT: registry } = settings;

async function letDeployerIn() {
  try {
    const address = settings.DEPLOYER_IP || (await ownAddress(settings));
    const opened = await openRegistry(await openSubscription(settings), settings, address);
    if (!opened) return;
    await setEnvironment('DEPLOYER_IP', address);
    console.log(`${address} may reach the registry until the deployment is done (ALLOW_DEPLOYER_IP=false: never).`);
    await untilOpen(registry);
  } catch (thrown) {
    console.warn(
      `The address of this machine could not be let in (${thrown.message}). Unless it is in ALLOWED_IP_RANGES or in the network, the registry will refuse the image.`,
    );
  }
}

if (!registry) {
  console.error("There is no registry yet: run 'azd provision' first.");
  process.exitCode = 1;
} else if (opensDoor(settings)) await letDeployerIn();
