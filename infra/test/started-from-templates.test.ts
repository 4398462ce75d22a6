import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { readInfra } from './support/snapshot.ts';
import {
  asApiManagement,
  chat,
  deploy,
  startReplica,
  type Deployment,
  type Replica,
} from './support/started-gateway.ts';
import { until } from '../../gateway/test/support/until.ts';

/*
 * The gateway as the templates would start it: its container's environment, its mounted configuration and its probes
 * are read out of them. What differs is where things are: the twin's address stands for Azure's, a temporary folder for
 * the container's root, free ports for the container's own.
 */
let deployment: Deployment;
let replica: Replica;

before(async () => {
  deployment = await deploy('api-management');
  replica = await startReplica(deployment, 'tollgate--0000001-abc');
});

after(async () => {
  await replica.stop();
  await deployment.close();
});

const charged = (): unknown[] =>
  replica
    .output()
    .split('\n')
    .filter((line) => line.includes('"msg":"request"') && line.endsWith('}'))
    .map((line) => JSON.parse(line).subscription);

const rows = () => deployment.twin.azure.logs.rows(deployment.environment['TOLLGATE_LOGS_STREAM'] ?? '');

/** What came to Application Insights of one kind. */
const telemetry = (kind: string) =>
  deployment.twin.azure.insights.items().filter(({ data }) => JSON.stringify(data).includes(`"baseType":"${kind}"`));

/** What Prometheus would be shown. */
async function metrics(): Promise<string> {
  const token = readFileSync(path.join(deployment.root, deployment.deployed.dataFolder, 'admin-token'), 'utf8');
  const reply = await fetch(`${replica.adminUrl}/metrics`, { headers: { authorization: `Bearer ${token.trim()}` } });
  return await reply.text();
}

describe('the gateway as the templates start it', () => {
  test('answers its probes', async () => {
    for (const { path: probe } of deployment.deployed.probes)
      assert.equal((await fetch(`${replica.url}${probe}`)).status, 200, probe);
  });

  test('serves a call that API Management brings, on every model, with no key anywhere, charged to whom it names', async () => {
    for (const model of ['gpt-5.4-mini', 'gpt-5-mini']) {
      const answer = await chat(replica, asApiManagement(deployment, 'finance'), model);
      assert.equal(answer.status, 200, `${await answer.text()}\n${replica.output()}`);
    }
    await until(() => charged().length === 2, replica.output);
    assert.deepEqual(charged(), ['finance', 'finance']);
    assert.equal(deployment.twin.usage().attempts.length, 2);
    assert.ok(deployment.twin.azure.managedIdentity.asked > 0, 'Azure OpenAI was called with a token of the identity');
  });

  test('writes what was used into the table of the templates, every column of it', async () => {
    await until(() => rows().length === 2, replica.output);
    assert.deepEqual(
      rows().map(({ Consumer, Outcome }) => [Consumer, Outcome]),
      [
        ['finance', 'completed'],
        ['finance', 'completed'],
      ],
    );
    const { columns } = JSON.parse(readInfra('data/usage-table.json'));
    assert.deepEqual(
      Object.keys(rows()[0] ?? {}).toSorted(),
      columns.map(({ name }: { name: string }) => name).toSorted(),
    );
  });

  test('sends traces and metrics to Application Insights with a token: its key alone is refused there', async () => {
    // A tenth is kept; what the caller keeps is kept, too.
    const traced = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };
    assert.equal((await chat(replica, { ...asApiManagement(deployment, 'marketing'), ...traced })).status, 200);
    await until(
      () =>
        deployment.twin.azure.insights.itemsOf('0af7651916cd43dd8448eb211c80319c').length >= 2 &&
        telemetry('MetricData').length > 0,
      replica.output,
    );
    const kinds = deployment.twin.azure.insights
      .itemsOf('0af7651916cd43dd8448eb211c80319c')
      .map(({ data }) => (JSON.parse(JSON.stringify(data)) as { baseType: string }).baseType);
    assert.deepEqual(kinds.toSorted(), ['RemoteDependencyData', 'RequestData']);
  });

  test('has its configuration from App Configuration, where the templates wrote it', async () => {
    assert.match(await metrics(), /^tollgate_configuration_source\{source="app-configuration"\} 1$/m);
    assert.match(await metrics(), /^tollgate_app_configuration_refused 0$/m);
  });

  test('believes nobody else who says whose call it is', async () => {
    const forged = { 'x-tollgate-subscription': 'finance' };
    assert.equal((await chat(replica, forged)).status, 401);
    const somebody = {
      ...deployment,
      environment: { ...deployment.environment, TOLLGATE_APIM_PRINCIPAL_ID: 'somebody' },
    };
    assert.equal((await chat(replica, asApiManagement(somebody, 'finance'))).status, 403);
  });

  test('is asked from inside as the guide says', async () => {
    const [, block = ''] = /```sh\n(ask\(\) \{\n[^`]*)```/.exec(readInfra('../docs/azure/operations.md')) ?? [];
    const folder = path.join(deployment.root, deployment.deployed.dataFolder);
    const here = block
      .replace(deployment.deployed.dataFolder, folder)
      .replace('http://127.0.0.1:8081', replica.adminUrl);
    assert.ok(here.includes(`${folder}/admin-token`) && here.includes(`${replica.adminUrl}/admin/v1/`));
    const environment = { PATH: `${path.dirname(process.execPath)}:${process.env['PATH'] ?? ''}` };
    let told = '';
    const holdsTheCalls = async (): Promise<boolean> => {
      const { stdout, stderr } = await promisify(execFile)('bash', ['-c', here], { env: environment });
      told = stdout + stderr;
      return told.includes('finance');
    };
    await until(holdsTheCalls, () => told);
  });

  test('keeps its data where the volume is', () => {
    assert.ok(
      readFileSync(path.join(deployment.root, deployment.deployed.dataFolder, 'admin-token'), 'utf8').length > 20,
    );
  });

  test('alerts and queries name metrics that it sends', async () => {
    for (const alert of ['alert-ledger-backlog', 'alert-silent', 'alert-batches']) {
      const wanted = /Name == '([a-z_]+)'/.exec(readInfra(`queries/${alert}.kql`))?.[1] ?? '';
      await until(
        () => telemetry('MetricData').some(({ data }) => JSON.stringify(data).includes(`"name":"${wanted}"`)),
        () => JSON.stringify(telemetry('MetricData').at(-1)),
      );
    }
  });
});
