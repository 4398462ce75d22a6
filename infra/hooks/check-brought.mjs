// What is brought along (EXISTING_*) is used as it is: whether it is there, where it is said to be, and of a shape that
// the templates can use, only Azure can say.
import { AzureError } from './resource-manager.mjs';

const listOf = (text) => (text ?? '').split(',').map((part) => part.trim());

/** Problems of everything that is brought along. `may` says whether permissions allow an action. */
export async function checkBrought(subscription, settings, { models, may }) {
  const told = await Promise.all([
    ...each(settings.EXISTING_OPENAI_ACCOUNTS, (one) => checkAccount(subscription, one, { models, may })),
    ...each(settings.EXISTING_LOG_ANALYTICS_WORKSPACE_ID, (id) => checkWorkspace(subscription, settings, id)),
    ...each(settings.EXISTING_VIRTUAL_NETWORK_ID, (id) => checkNetwork(subscription, settings, id)),
    ...each(settings.EXISTING_PRIVATE_DNS_ZONES, (id) => checkZone(subscription, id)),
  ]);
  return told.flat();
}

const each = (text, check) => (text ? listOf(text).map(check) : []);

/** What Azure knows of it, or why that cannot be had, as a problem of the setting. */
async function read(subscription, { id, version, setting }) {
  try {
    return { found: await subscription.get(id, version), problems: [] };
  } catch (thrown) {
    if (!(thrown instanceof AzureError) || thrown.status === 0) throw thrown;
    const why = { 403: 'you may not read it: ask for the Reader role there', 404: 'it is not there' }[thrown.status];
    return { found: undefined, problems: [`${setting} names ${id}: ${why ?? thrown.message}.`] };
  }
}

async function checkAccount(subscription, text, { models, may }) {
  const setting = 'EXISTING_OPENAI_ACCOUNTS';
  const [id, region] = text.split('@');
  const { found, problems } = await read(subscription, { id, version: '2024-10-01', setting });
  if (found === undefined) return problems;
  const name = id.split('/').at(-1);
  if (found.location !== region)
    problems.push(`${setting} says that ${name} is in ${region}: it is in ${found.location}.`);
  if (found.properties.customSubDomainName?.toLowerCase() !== name.toLowerCase())
    problems.push(
      `${name} is not called by its name, but as ${found.properties.endpoint}: the templates call https://${name}.openai.azure.com, so its subdomain has to be its name.`,
    );
  const [deployed, permissions] = await Promise.all([
    subscription.get(`${id}/deployments`, '2024-10-01'),
    subscription.get(`${id}/providers/Microsoft.Authorization/permissions`, '2022-04-01'),
  ]);
  const missing = models.deployments.filter(({ name: wanted }) => !deployed.value.some((one) => one.name === wanted));
  if (missing.length > 0)
    problems.push(
      `${name} has no deployment ${missing.map((one) => one.name).join(', ')}: make it, or take it out of infra/data/models.json.`,
    );
  if (!may(permissions.value, 'Microsoft.Authorization/roleAssignments/write'))
    problems.push(
      `You may not give the gateway its role on ${name} (Microsoft.Authorization/roleAssignments/write): ask for Role Based Access Control Administrator there.`,
    );
  return problems;
}

async function checkWorkspace(subscription, settings, id) {
  const setting = 'EXISTING_LOG_ANALYTICS_WORKSPACE_ID';
  const { found, problems } = await read(subscription, { id, version: '2023-09-01', setting });
  if (found !== undefined && found.location !== settings.AZURE_LOCATION)
    problems.push(
      `${setting} is in ${found.location}, everything else in ${settings.AZURE_LOCATION}: its data collection rule has to be where it is.`,
    );
  return problems;
}

/** Subnets that the templates name, and to whom each is delegated. */
function subnetsNeeded(settings) {
  const apiManagement =
    settings.APIM_NETWORK === 'injection' ? 'Microsoft.Web/hostingEnvironments' : 'Microsoft.Web/serverFarms';
  return [
    { name: 'gateway', delegation: 'Microsoft.App/environments', largest: 27 },
    { name: 'endpoints' },
    ...(settings.USE_APIM === 'true'
      ? [
          // Microsoft's pages on integration and injection: 32 addresses at least, and a security group, whatever is in it.
          { name: 'api-management', delegation: apiManagement, largest: 27, guarded: true },
        ]
      : []),
  ];
}

async function checkNetwork(subscription, settings, id) {
  const setting = 'EXISTING_VIRTUAL_NETWORK_ID';
  const { found, problems } = await read(subscription, { id, version: '2024-05-01', setting });
  if (found === undefined) return problems;
  if (found.location !== settings.AZURE_LOCATION)
    problems.push(`${setting} is in ${found.location}, everything else in ${settings.AZURE_LOCATION}.`);
  if (settings.USE_APIM === 'true' && id.split('/')[2].toLowerCase() !== settings.AZURE_SUBSCRIPTION_ID?.toLowerCase())
    problems.push(`${setting} is in another subscription: API Management takes a subnet of its own subscription only.`);
  const subnets = found.properties.subnets ?? [];
  for (const needed of subnetsNeeded(settings)) {
    const wrong = wrongWith(
      subnets.find(({ name }) => name === needed.name),
      needed,
    );
    if (wrong !== undefined) problems.push(`${setting}: ${wrong}`);
  }
  return problems;
}

function wrongWith(subnet, needed) {
  return subnet === undefined ? `there is no subnet '${needed.name}'.` : unfit(subnet, needed);
}

function unfit(subnet, { name, delegation, largest, guarded }) {
  const { addressPrefix, addressPrefixes, delegations = [], networkSecurityGroup } = subnet.properties;
  if (guarded && networkSecurityGroup === undefined) return `the subnet '${name}' needs a network security group.`;
  const services = delegations.map(({ properties }) => properties.serviceName.toLowerCase());
  const prefix = addressPrefix ?? addressPrefixes?.[0] ?? '';
  if (delegation === undefined ? services.length > 0 : !services.includes(delegation.toLowerCase()))
    return `the subnet '${name}' must be delegated to ${delegation ?? 'nobody'}.`;
  if (largest !== undefined && Number(prefix.split('/')[1]) > largest)
    return `the subnet '${name}' is ${prefix}: a /${largest} or more is needed.`;
  return undefined;
}

async function checkZone(subscription, id) {
  const { problems } = await read(subscription, { id, version: '2024-06-01', setting: 'EXISTING_PRIVATE_DNS_ZONES' });
  return problems;
}
