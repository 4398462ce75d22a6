import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readTemplates, TemplateSet } from '../../../tools/bicep/template-set.ts';
import { startTwin, type RunningTwin } from '../../../twin/src/server.ts';
import { deployedGateway, filledIn, type DeployedGateway } from './deployed-gateway.ts';
import { profiles } from './profiles.ts';
import { infraFolder, repositoryRoot, snapshot } from './snapshot.ts';
import { asTwinResources, asTwinStreams, keyValuesOf } from './twin-of-templates.ts';
import { freePort } from '../../../gateway/test/support/free-port.ts';
import { until } from '../../../gateway/test/support/until.ts';

type Variables = Readonly<Record<string, string>>;

/** What the templates would deploy, with a twin in the place of Azure, and what its container would be given. */
export interface Deployment {
  readonly deployed: DeployedGateway;
  /** The container's environment; where only Azure knows a value, something of its form stands there. */
  readonly environment: Variables;
  readonly twin: RunningTwin;
  /** Stands for the root of the container's file system, which replicas share as far as it is a share. */
  readonly root: string;
  /** Certificates that a replica believes beside the usual ones. */
  readonly authorities: string;
  close(): Promise<void>;
}

export interface Diagnosis {
  readonly code: number | null;
  readonly text: string;
}

/** One replica. */
export interface Replica {
  readonly url: string;
  readonly adminUrl: string;
  /** All that it has written. */
  readonly output: () => string;
  stop(): Promise<void>;
}

export async function deploy(profile: string): Promise<Deployment> {
  const settings = profiles.get(profile);
  assert.ok(settings !== undefined, profile);
  const made = snapshot(new TemplateSet(readTemplates(infraFolder)), settings);
  const deployed = deployedGateway(made);
  const environment = Object.fromEntries(
    Object.entries(deployed.environment).map(([name, value]) => [name, filledIn(value)]),
  );
  const root = mkdtempSync(path.join(tmpdir(), 'tollgate-container-'));
  const authorities = path.join(root, 'ca.pem');
  const twin = await startTwin({
    resources: asTwinResources(made),
    entra: {
      tenants: [environment['TOLLGATE_TENANT_ID'] ?? ''],
      identities: [{ clientId: environment['AZURE_CLIENT_ID'] ?? '' }],
    },
    logs: { [environment['TOLLGATE_LOGS_RULE_ID'] ?? '']: asTwinStreams(made) },
    workspace: { id: environment['TOLLGATE_LOGS_WORKSPACE_ID'] ?? '' },
    // Tokens for Azure Monitor go over TLS alone.
    securePort: 0,
    caFile: authorities,
  });
  twin.azure.insights.tokensOnly = true;
  const file = path.join(root, deployed.configurationPath);
  mkdirSync(path.dirname(file), { recursive: true });
  const inThisPlace = (text: string): string =>
    filledIn(text)
      .replaceAll(/https:\/\/([a-z0-9-]+)\.openai\.azure\.com/g, `${twin.url}/$1`)
      .replace('"workspace":', `"queryEndpoint":"${twin.secureUrl ?? ''}","workspace":`)
      .replace('"tenants":', `"authority":"${twin.url}","tenants":`);
  writeFileSync(file, inThisPlace(deployed.configuration));
  // As the templates write them; the twin takes no more than the service does.
  for (const { key, value, contentType } of keyValuesOf(made))
    twin.azure.appConfiguration.set({ key, value: inThisPlace(value), contentType });
  return {
    deployed,
    environment,
    twin,
    root,
    authorities,
    close: async () => {
      await twin.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** The environment of the container of one replica; `elsewhere` says where things are that are not the twin's. */
function environmentOf(deployment: Deployment, name: string, elsewhere: Variables): NodeJS.ProcessEnv {
  const { environment, twin, root, authorities } = deployment;
  const key = /InstrumentationKey=[^;]+/.exec(environment['APPLICATIONINSIGHTS_CONNECTION_STRING'] ?? '')?.[0] ?? '';
  return {
    ...environment,
    TOLLGATE_CONFIG: path.join(root, environment['TOLLGATE_CONFIG'] ?? ''),
    TOLLGATE_DATA: path.join(root, environment['TOLLGATE_DATA'] ?? ''),
    TOLLGATE_LOGS_ENDPOINT: twin.secureUrl,
    APPLICATIONINSIGHTS_CONNECTION_STRING: `${key};IngestionEndpoint=${twin.secureUrl ?? ''}/`,
    ...(environment['TOLLGATE_APP_CONFIGURATION'] === undefined ? {} : { TOLLGATE_APP_CONFIGURATION: twin.secureUrl }),
    // Not to wait a minute for the first metrics.
    OTEL_METRIC_EXPORT_INTERVAL: '500',
    NODE_EXTRA_CA_CERTS: authorities,
    // What Container Apps themselves add.
    IDENTITY_ENDPOINT: `${twin.url}/msi/token`,
    IDENTITY_HEADER: 'twin-identity-header',
    CONTAINER_APP_REPLICA_NAME: name,
    ...elsewhere,
  };
}

/** Starts a replica as the container would be started. */
export async function startReplica(deployment: Deployment, name: string, elsewhere: Variables = {}): Promise<Replica> {
  const { deployed } = deployment;
  const [port, adminPort] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${port}`;
  const ports = { TOLLGATE_PORT: String(port), TOLLGATE_ADMIN_PORT: String(adminPort) };
  const child = spawn(process.execPath, [path.join(repositoryRoot, 'gateway/src/main.ts')], {
    env: { ...environmentOf(deployment, name, elsewhere), ...ports },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const startup = deployed.probes.find(({ type }) => type === 'Startup')?.path ?? '';
  await answered(`${url}${startup}`, child, () => output);
  return {
    url,
    adminUrl: `http://127.0.0.1:${adminPort}`,
    output: () => output,
    stop: async () => await stopped(child),
  };
}

/** What doctor says, asked in the container of a replica as the guide says. */
export async function doctor(deployment: Deployment, name: string, elsewhere: Variables = {}): Promise<Diagnosis> {
  const env = environmentOf(deployment, name, elsewhere);
  const child = spawn(process.execPath, [path.join(repositoryRoot, 'gateway/src/doctor.ts'), '--no-wait', '--json'], {
    env,
  });
  let text = '';
  // Progress goes to standard error.
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, text };
}

async function stopped(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  if (child.exitCode === null && child.kill('SIGTERM')) await ended;
}

async function answered(url: string, child: ChildProcess, output: () => string): Promise<void> {
  await until(
    async () => {
      const answer = await fetch(url).catch(() => undefined);
      assert.equal(child.exitCode, null, output());
      return answer?.ok === true;
    },
    () => `an answer to the startup probe.\n${output()}`,
  );
}

/** A call as API Management brings it: with a token of its own, and the name of the subscription that it found. */
export function asApiManagement({ twin, environment }: Deployment, subscription: string): Record<string, string> {
  const token = twin.azure.token({
    audience: `api://${environment['TOLLGATE_APP_ID'] ?? ''}`,
    version: 1,
    claims: { oid: environment['TOLLGATE_APIM_PRINCIPAL_ID'] ?? '' },
  });
  return { authorization: `Bearer ${token}`, 'x-tollgate-subscription': subscription };
}

export function chat({ url }: Replica, headers: Record<string, string>, model = 'gpt-5.4-mini'): Promise<Response> {
  return fetch(`${url}/openai/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello' }] }),
  });
}

/** What the admin API of a replica answers, asked as an operator asks it: with the token in the data folder. */
export async function asked({ adminUrl }: Replica, { root, deployed }: Deployment, what: string): Promise<unknown> {
  const token = readFileSync(path.join(root, deployed.dataFolder, 'admin-token'), 'utf8').trim();
  const reply = await fetch(`${adminUrl}/admin/v1/${what}`, { headers: { authorization: `Bearer ${token}` } });
  return JSON.parse(await reply.text());
}
