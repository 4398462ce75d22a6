// Azure Resource Manager, as far as the hooks ask it. No dependencies: hooks run before anything is installed.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What Azure answered, or that it could not be asked. `status` is 0 where no answer came. */
export class AzureError extends Error {
  constructor(status, code, message) {
    super(message);
    this.name = 'AzureError';
    this.status = status;
    this.code = code;
  }
}

/** Whether something is not there: itself, its group, or the whole provider, which the subscription has never used. */
export const isAbsent = (thrown) =>
  thrown instanceof AzureError && (thrown.status === 404 || thrown.code === 'MissingSubscriptionRegistration');

/** The azd command; on Windows it is a script. */
const azd = (args) => run('azd', args, { shell: process.platform === 'win32', timeout: 60_000 });

/** A token of whoever is signed in with azd: a person, or the federated identity of a pipeline. */
async function accessToken(endpoint) {
  const { stdout } = await azd(['auth', 'token', '--output', 'json', '--scope', `${endpoint}/.default`]).catch(
    (cause) => {
      throw new AzureError(0, 'NotSignedIn', `azd has no token: sign in with 'azd auth login'. (${firstLine(cause)})`);
    },
  );
  return JSON.parse(stdout).token;
}

export const firstLine = (cause) => String(cause?.message ?? cause).split('\n')[0];

/** Sets a value of the azd environment. */
export async function setEnvironment(name, value) {
  await azd(['env', 'set', name, value]);
}

/** Asks Resource Manager about one subscription; `AZURE_RESOURCE_MANAGER_ENDPOINT` is for other clouds. */
export async function openSubscription(environment) {
  const endpoint = (environment.AZURE_RESOURCE_MANAGER_ENDPOINT || 'https://management.azure.com').replace(/\/$/, '');
  const subscription = environment.AZURE_SUBSCRIPTION_ID;
  if (!subscription)
    throw new AzureError(
      0,
      'NoSubscription',
      "AZURE_SUBSCRIPTION_ID is not set: 'azd up' asks for it; otherwise azd env set AZURE_SUBSCRIPTION_ID with the id of yours.",
    );
  const token = await accessToken(endpoint);
  const ask = async (method, url, body) => {
    const reply = await fetch(url, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(30_000),
    }).catch((cause) => {
      throw new AzureError(0, 'NoAnswer', `${endpoint} does not answer: ${firstLine(cause)}`);
    });
    const answer = await reply.json().catch(() => ({}));
    if (reply.ok) return answer;
    throw new AzureError(
      reply.status,
      answer.error?.code ?? String(reply.status),
      answer.error?.message ?? `Azure answered ${reply.status}.`,
    );
  };
  const urlOf = (path, version) =>
    `${endpoint}${path.startsWith('/') ? path : `/subscriptions/${subscription}/${path}`}?api-version=${version}`;
  return {
    get: async (path, version) => {
      const answer = await ask('GET', urlOf(path, version));
      return { ...answer, ...(answer.nextLink ? { value: await wholeList(answer, { ask, endpoint }) } : {}) };
    },
    patch: (path, version, body) => ask('PATCH', urlOf(path, version), body),
  };
}

/** A long list comes in pages. The token is shown to Resource Manager alone, wherever a page says that the next one is. */
async function wholeList({ value, nextLink }, { ask, endpoint }) {
  const entries = [...value];
  for (let next = nextLink; next;) {
    if (new URL(next).origin !== new URL(endpoint).origin)
      throw new AzureError(0, 'OddPage', `A list goes on at ${next}, which is not ${endpoint}.`);
    const page = await ask('GET', next);
    entries.push(...page.value);
    next = page.nextLink;
  }
  return entries;
}
