// Runs before `azd provision`: refuses early what would fail late, and says what to do. Then, where the network is
// closed, lets the address of whoever deploys in for as long as that takes (infra/hooks/postdeploy.mjs).
import { readFileSync } from 'node:fs';
import { needsStart, startToSet } from './budget-start.mjs';
import { askAzure } from './check-azure.mjs';
import { grownStorage } from './check-existing.mjs';
import { checkSettings, retiring } from './check-settings.mjs';
import { opensDoor, ownAddress } from './door.mjs';
import { openSubscription, setEnvironment } from './resource-manager.mjs';

const models = JSON.parse(readFileSync(new URL('../data/models.json', import.meta.url), 'utf8'));
const settings = process.env;

async function letDeployerIn() {
  if (!opensDoor(settings)) return;
  try {
    const address = await ownAddress(settings);
    await setEnvironment('DEPLOYER_IP', address);
    console.log(
      `${address} may reach registry and key vault until the deployment is done (ALLOW_DEPLOYER_IP=false: never).`,
    );
  } catch (thrown) {
    console.warn(
      `The address of this machine could not be found (${thrown.message}). Unless it is in ALLOWED_IP_RANGES or in the network, 'azd deploy' will not reach the registry.`,
    );
  }
}

async function setBudgetStart() {
  if (!needsStart(settings)) return;
  const start = await startToSet(await openSubscription(settings), settings);
  await setEnvironment('BUDGET_START_DATE', start);
  console.log(`The budget counts from ${start}.`);
}

async function keepStorage() {
  if (settings.USE_POSTGRES !== 'true') return;
  const size = await grownStorage(await openSubscription(settings), settings);
  if (size === undefined) return;
  await setEnvironment('POSTGRES_STORAGE_GIB', String(size));
  console.log(`The disk of PostgreSQL has grown to ${size} GiB, and keeps it.`);
}

for (const warning of retiring(models, Date.now())) console.warn(`Warning: ${warning}`);
const offline = checkSettings(settings, models);
const problems = [...offline, ...(offline.length === 0 ? await askAzure(settings, models) : [])];
if (problems.length === 0) {
  await setBudgetStart();
  await keepStorage();
  await letDeployerIn();
  console.log('Preflight: nothing stands in the way.');
} else {
  console.error(
    `Nothing was deployed. ${problems.length === 1 ? 'One thing stands' : `${problems.length} things stand`} in the way:`,
  );
  for (const problem of problems) console.error(`  - ${problem}`);
  process.exitCode = 1;
}
