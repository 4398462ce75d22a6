import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';
import { readTemplates, TemplateSet } from '../../tools/bicep/template-set.ts';
import { readInfra, infraFolder, repositoryRoot } from './support/snapshot.ts';

const read = (file: string): string => readFileSync(path.join(repositoryRoot, file), 'utf8');
const templates = new TemplateSet(readTemplates(infraFolder));
const declared = (file: string, kind: 'param' | 'output') =>
  templates.get(file).statements.filter((one) => one.kind === kind);
const azure = parse(read('azure.yaml'));
const parametersFile = readInfra('main.parameters.json');
/** Variables of the environment that the parameters file refers to. */
const variables = [...parametersFile.matchAll(/\$\{([A-Z_0-9]+)/g)].map(([, name = '']) => name);
const outputs = declared('main.bicep', 'output').map(({ name }) => name);
/** Variables that hooks read: names in capitals with a line between them. */
const readByHooks = [
  ...new Set(
    globSync('hooks/*.mjs', { cwd: infraFolder }).flatMap((file) =>
      [...readInfra(file).matchAll(/\b([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\b/g)].map(([, name = '']) => name),
    ),
  ),
];
/** What is set or read and is not handed on to a pipeline, each with the reason. */
const notHandedOn: Readonly<Record<string, string>> = {
  AZURE_ENV_NAME: 'azd hands it on by itself',
  AZURE_LOCATION: 'azd hands it on by itself',
  AZURE_SUBSCRIPTION_ID: 'azd hands it on by itself',
  AZURE_PRINCIPAL_ID: 'azd sets it to whoever is signed in: there, the pipeline',
  AZURE_PRINCIPAL_TYPE: 'the pipeline says itself that it is a ServicePrincipal',
  SERVICE_GATEWAY_RESOURCE_EXISTS: 'azd looks and sets it',
  DEPLOYER_IP: 'a hook sets it, another takes it away',
  AZURE_RESOURCE_MANAGER_ENDPOINT: 'for other clouds, whose hosts and zones the templates do not know; and for tests',
};
const settable = [...new Set([...variables, ...readByHooks])]
  .filter((name) => !(name in notHandedOn) && !outputs.includes(name))
  .toSorted();

describe('azure.yaml', () => {
  test('is what azd reads: names, hosts, languages, hooks', () => {
    assert.match(azure.name, /^[a-z0-9][a-z0-9-]+$/);
    assert.match(azure.metadata.template, /^tollgate@\d+\.\d+\.\d+$/);
    assert.match(azure.requiredVersions.azd, /^>= 1\.(2[0-9]|[3-9][0-9])\.\d+$/);
    assert.deepEqual(Object.keys(azure).toSorted(), [
      'hooks',
      'metadata',
      'name',
      'pipeline',
      'requiredVersions',
      'services',
    ]);
    for (const service of Object.values<Record<string, unknown>>(azure.services)) {
      assert.ok(['containerapp', 'appservice', 'function', 'aks', 'staticwebapp'].includes(String(service['host'])));
      assert.ok(['ts', 'js', 'py', 'csharp', 'java', 'docker'].includes(String(service['language'])));
    }
    const phases = ['provision', 'infracreate', 'infradelete', 'up', 'down', 'package', 'publish', 'deploy', 'restore'];
    const hooks = phases.flatMap((phase) => [`pre${phase}`, `post${phase}`]);
    for (const name of Object.keys(azure.hooks)) assert.ok(hooks.includes(name), name);
  });

  test('each hook is one Node program for every system, without a shell, and is there', () => {
    for (const [name, hook] of Object.entries<Record<string, string>>(azure.hooks)) {
      assert.deepEqual(Object.keys(hook), ['run'], name);
      const [, file = ''] = /^node (infra\/hooks\/[a-z-]+\.mjs)$/.exec(hook['run'] ?? '') ?? [];
      assert.ok(existsSync(path.join(repositoryRoot, file)), `${name}: ${hook['run'] ?? ''}`);
    }
  });

  test('no template is named after a service: azd would take it for what deploys that service', () => {
    for (const name of Object.keys(azure.services))
      assert.ok(
        !existsSync(path.join(infraFolder, `${name}.bicep`)) &&
          !existsSync(path.join(infraFolder, `${name}.parameters.json`)),
      );
  });

  test('whatever parameters and hooks read is handed on to pipelines, or there is a reason why not', () => {
    assert.deepEqual(azure.pipeline.variables.toSorted(), settable);
    for (const name of ['ALLOW_DEPLOYER_IP', 'DEPLOYER_IP_SERVICE']) assert.ok(settable.includes(name), name);
    assert.deepEqual(
      Object.keys(notHandedOn).filter((name) => !variables.includes(name) && !readByHooks.includes(name)),
      [],
    );
  });
});

test('every parameter has its line in main.parameters.json, and only those have', () => {
  const names = declared('main.bicep', 'param').map(({ name }) => name);
  assert.deepEqual(Object.keys(JSON.parse(parametersFile).parameters).toSorted(), names.toSorted());
  assert.equal(new Set(variables).size, variables.length, 'one variable, one parameter');
});

test('a default in main.parameters.json is the default of the parameter', () => {
  const { parameters } = JSON.parse(parametersFile);
  for (const parameter of declared('resources.bicep', 'param')) {
    if (parameter.kind !== 'param' || parameter.defaultValue?.kind !== 'literal') continue;
    const [, written] = /^\$\{[A-Z_0-9]+=(.*)\}$/.exec(parameters[parameter.name].value) ?? [];
    assert.equal(written, String(parameter.defaultValue.value), parameter.name);
  }
});

const shapeOf = (file: string) =>
  declared(file, 'param').map((one) =>
    one.kind === 'param'
      ? [one.name, one.type, one.defaultValue?.kind === 'literal' ? one.defaultValue.value : null]
      : [],
  );

test('main.bicep hands every parameter on, and asks for the same', () => {
  assert.deepEqual(shapeOf('main.bicep'), shapeOf('resources.bicep'));
});

test('outputs are what azd and the hooks read, in capitals', () => {
  for (const name of outputs) assert.match(name, /^[A-Z][A-Z0-9_]+$/);
  for (const name of ['AZURE_CONTAINER_REGISTRY_ENDPOINT', 'AZURE_LOCATION', 'AZURE_TENANT_ID', 'AZURE_RESOURCE_GROUP'])
    assert.ok(outputs.includes(name), name);
});

/** A decorator's first argument, where it is written out. */
function decorated(parameter: ReturnType<typeof declared>[number], name: string): unknown {
  const [value] = parameter.decorators.find((one) => one.name === name)?.args ?? [];
  if (value?.kind === 'array') return value.items.map((item) => (item.kind === 'literal' ? item.value : undefined));
  return value?.kind === 'literal' ? value.value : undefined;
}

test('environment.yaml names a template of the resource group, and its parameters: types, defaults, values, words', () => {
  const environment = parse(readInfra('environment.yaml'));
  assert.equal(environment.runner, 'Bicep');
  assert.equal(templates.get(environment.templatePath).scope, 'resourceGroup');
  /** The one that is left out: a hook sets it, and no hooks run there. */
  const leftOut = ['deployerIp'];
  const types: Readonly<Record<string, string>> = { string: 'string', bool: 'boolean', int: 'integer' };
  const wanted = declared(environment.templatePath, 'param').flatMap((one) => {
    if (one.kind !== 'param' || leftOut.includes(one.name)) return [];
    const { defaultValue } = one;
    if (defaultValue !== undefined && defaultValue.kind !== 'literal') throw new Error(`${one.name} is computed`);
    return [
      {
        id: one.name,
        type: types[one.type],
        description: decorated(one, 'description'),
        required: defaultValue === undefined,
        ...(defaultValue === undefined ? {} : { default: defaultValue.value }),
        ...(decorated(one, 'allowed') === undefined ? {} : { allowed: decorated(one, 'allowed') }),
      },
    ];
  });
  const found = environment.parameters.map(({ name, ...rest }: { name: string; id: string; default?: unknown }) => {
    assert.ok(name.length > 2, rest.id);
    // A region is proposed, because the form of a portal is easier with one.
    return rest.id === 'location' ? { ...rest, default: undefined } : rest;
  });
  assert.deepEqual(
    JSON.parse(JSON.stringify(found)),
    JSON.parse(JSON.stringify(wanted)),
    'main.bicep and environment.yaml are two forms of one list',
  );
});

/** A feature of the dev container, by a part of its name. */
function containerFeature(part: string): { readonly version: string } {
  const { features } = JSON.parse(read('.devcontainer/devcontainer.json'));
  const [found] = Object.entries<{ version: string }>(features).filter(([name]) => name.includes(`${part}:`));
  assert.ok(found !== undefined, part);
  return found[1];
}

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly shell?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}
const stepsOf = (workflow: { readonly jobs: Readonly<Record<string, { readonly steps: readonly Step[] }>> }) =>
  Object.values(workflow.jobs).flatMap((job) => job.steps);
const github = (file: string) => parse(read(`.github/workflows/${file}`));

test('the image that is deployed is the one of the Dockerfile: its user owns what is mounted, in Azure and in Kubernetes', () => {
  const dockerfile = read(azure.services.gateway.docker.path);
  assert.match(dockerfile, /^USER 1000:1000$/m);
  assert.match(dockerfile, /^ENTRYPOINT \["node", "gateway\/src\/main\.ts"\]$/m);
  // `node` is 1000 in every image of Node.
  assert.match(readInfra('core/host/gateway.bicep'), /var imageUser = '1000:1000'/);
  assert.match(read('deploy/kubernetes/stateful-set.yaml'), /runAsUser: 1000\n\s+runAsGroup: 1000\n\s+fsGroup: 1000/);
});

describe('pipelines', () => {
  test('every action is pinned by its commit', () => {
    for (const file of globSync('*.yml', { cwd: path.join(repositoryRoot, '.github/workflows') }))
      for (const { uses } of stepsOf(github(file)))
        if (uses !== undefined) assert.match(uses, /^[\w-]+\/[\w-]+@[0-9a-f]{40}$/, file);
  });

  test('GitHub: checked before it is deployed, signed in by a federated credential, asked nothing, with every variable', () => {
    const { jobs } = github('azure-dev.yml');
    const run = (job: string): string => jobs[job].steps.map((step: { run?: string }) => step.run ?? '').join('\n');
    assert.match(run('check'), /bash \.ci\/run[\s\S]*bicep build[\s\S]*bicep lint/);
    assert.equal(jobs.deploy.needs, 'check');
    assert.equal(jobs.deploy.permissions['id-token'], 'write');
    assert.equal(jobs.deploy.env.AZURE_PRINCIPAL_TYPE, 'ServicePrincipal');
    assert.match(
      run('deploy'),
      /azd auth login --federated-credential-provider github[\s\S]*azd provision --preview --no-prompt[\s\S]*azd provision --no-prompt[\s\S]*azd deploy --no-prompt/,
    );
    assert.doesNotMatch(read('.github/workflows/azure-dev.yml'), /secrets\./);
    for (const name of settable) assert.equal(jobs.deploy.env[name], `\${{ vars.${name} }}`, name);
  });

  test('whatever breaks off, the machine of a pipeline is let in no longer: its address goes to somebody else next', () => {
    const { steps } = github('azure-dev.yml').jobs.deploy;
    assert.deepEqual(
      [steps.at(-1).if, steps.at(-1).run],
      ['always()', 'azd hooks run postdeploy --no-prompt'],
      'the last step, in any case',
    );
    const lines = read('.azdo/pipelines/azure-dev.yml')
      .split('\n')
      .map((line) => line.trim());
    const trap = lines.indexOf("trap 'azd hooks run postdeploy --no-prompt' EXIT");
    assert.ok(trap !== -1 && trap < lines.findIndex((line) => line.startsWith('azd ')));
  });

  test('GitHub: nothing is taken down while it is being deployed, nor deployed twice at once', () => {
    const { group } = github('azure-clean-up.yml').concurrency;
    assert.deepEqual(github('azure-dev.yml').jobs.deploy.concurrency, { group });
    assert.doesNotMatch(group, /github\.ref/, 'one environment, whatever the branch');
  });

  test('GitHub: the token names the branch, since that is the credential that azd pipeline config makes', () => {
    for (const [file, job] of [
      ['azure-dev.yml', 'deploy'],
      ['azure-clean-up.yml', 'down'],
    ] as const)
      assert.equal(
        github(file).jobs[job].environment,
        undefined,
        'with an environment the token would name that instead',
      );
  });

  test('GitHub: what a pull request brings runs without rights and without a token, wherever it comes from', () => {
    const { on, permissions, jobs } = github('azure-dev.yml');
    assert.ok(!('pull_request_target' in on));
    assert.deepEqual(permissions, { contents: 'read' });
    assert.equal(jobs.check.permissions, undefined);
    assert.equal(jobs.deploy.if, "github.event_name != 'pull_request'");
    for (const file of ['azure-dev.yml', 'azure-clean-up.yml'])
      for (const step of stepsOf(github(file)))
        if (step.uses?.startsWith('actions/checkout') === true) assert.equal(step.with?.['persist-credentials'], false);
  });

  test('GitHub: a step with a pipe fails with each part of it; without a shell that is named it would with the last alone', () => {
    for (const file of ['azure-dev.yml', 'azure-clean-up.yml'])
      for (const { run, shell } of stepsOf(github(file)))
        if (/ \| /.test(run ?? '')) assert.equal(shell, 'bash', run ?? '');
  });

  test('both take the same tools in the same versions', () => {
    const files = ['.github/workflows', '.azdo/pipelines'].flatMap((folder) =>
      globSync('*.yml', { cwd: path.join(repositoryRoot, folder) }).map((file) => `${folder}/${file}`),
    );
    assert.equal(files.length, 4);
    const azd = files.flatMap((file) =>
      [...read(file).matchAll(/\n\s+version: (\d+\.\d+\.\d+)/g)].map(([, one]) => one),
    );
    assert.deepEqual([...new Set(azd)], [containerFeature('azd').version]);
    const node = files.flatMap((file) =>
      [...read(file).matchAll(/(?:node-version: |versionSpec: )(\d+)/g)].map(([, one]) => one),
    );
    assert.deepEqual([...new Set(node)], [containerFeature('features/node').version]);
  });

  test('GitHub: nothing is taken down unless its name is typed', () => {
    const { jobs, on } = github('azure-clean-up.yml');
    assert.deepEqual(Object.keys(on), ['workflow_dispatch']);
    assert.match(jobs.down.if, /inputs\.environment == vars\.AZURE_ENV_NAME/);
  });

  test('Azure DevOps: nothing is taken down unless its name is typed', () => {
    const pipeline = parse(read('.azdo/pipelines/azure-clean-up.yml'));
    assert.deepEqual([pipeline.trigger, pipeline.pr], ['none', 'none']);
    const [job] = pipeline.jobs;
    assert.equal(job.condition, "eq(variables['AZURE_ENV_NAME'], '${{ parameters.environment }}')");
    const down = job.steps.find(({ task }: { task?: string }) => task === 'AzureCLI@2');
    assert.match(down.inputs.inlineScript, /azd down --purge --force --no-prompt/);
    for (const name of ['AZURE_SUBSCRIPTION_ID', 'AZURE_ENV_NAME', 'AZURE_LOCATION', 'USE_LOCKS'])
      assert.equal(down.env[name], `$(${name})`);
  });

  test('Azure DevOps: what fails is the end of it, so that nothing is deployed after a preflight that refused', () => {
    for (const file of globSync('.azdo/pipelines/*.yml', { cwd: repositoryRoot }))
      for (const [script] of read(file).matchAll(/inlineScript: \|\n[^]*?(?=\n {10,12}env:|$)/g)) {
        const lines = script.split('\n').map((line) => line.trim());
        assert.ok(
          lines.includes('set -e') && lines.indexOf('set -e') < lines.findIndex((line) => line.startsWith('azd ')),
          file,
        );
      }
  });

  test('Azure DevOps: the same, with a service connection', () => {
    const { stages } = parse(read('.azdo/pipelines/azure-dev.yml'));
    assert.deepEqual(
      stages.map(({ stage }: { stage: string }) => stage),
      ['check', 'deploy'],
    );
    const [, { jobs }] = stages;
    const deploy = jobs[0].steps.find(({ task }: { task?: string }) => task === 'AzureCLI@2');
    assert.equal(deploy.inputs.azureSubscription, 'azconnection');
    assert.equal(deploy.inputs.keepAzSessionActive, true);
    assert.match(deploy.inputs.inlineScript, /azd provision --no-prompt\nazd deploy --no-prompt/);
    for (const name of settable) assert.equal(deploy.env[name], `$(${name})`, name);
    assert.ok(
      jobs[0].steps.some(({ script }: { script?: string }) => script === 'azd config set auth.useAzCliAuth true'),
    );
  });
});

test('the dev container pins what it is made of, and does not run as root', () => {
  const container = JSON.parse(read('.devcontainer/devcontainer.json'));
  assert.match(container.image, /:\d+\.\d+\.\d+-/);
  assert.notEqual(container.remoteUser, 'root');
  for (const [feature, { version }] of Object.entries<{ version: string }>(container.features)) {
    assert.match(feature, /:\d+\.\d+\.\d+$/);
    assert.match(version, /^\d/);
  }
  const bicep = [read('.github/workflows/azure-dev.yml'), read('.azdo/pipelines/azure-dev.yml')].flatMap((text) =>
    [...text.matchAll(/bicep install --version (\S+)/g)].map(([, version]) => version),
  );
  assert.deepEqual(
    bicep,
    Array.from({ length: 2 }, () => container.features['ghcr.io/devcontainers/features/azure-cli:1.2.8'].bicepVersion),
  );
});

describe('Kubernetes', () => {
  const folder = path.join(repositoryRoot, 'deploy/kubernetes');
  const { resources } = parse(read('deploy/kubernetes/kustomization.yaml'));
  const objects = resources.flatMap((file: string) =>
    parseAllDocuments(readFileSync(path.join(folder, file), 'utf8')).map((one) => one.toJS()),
  );
  const kind = (name: string) => objects.find((one: { kind: string }) => one.kind === name);

  test('every file is in the kustomization, every object has a kind that is stable', () => {
    assert.deepEqual(
      globSync('*.yaml', { cwd: folder })
        .filter((file) => file !== 'kustomization.yaml')
        .toSorted(),
      resources.toSorted(),
    );
    const versions = {
      ServiceAccount: 'v1',
      StatefulSet: 'apps/v1',
      Service: 'v1',
      PodDisruptionBudget: 'policy/v1',
      HorizontalPodAutoscaler: 'autoscaling/v2',
      NetworkPolicy: 'networking.k8s.io/v1',
    };
    assert.deepEqual(
      Object.fromEntries(objects.map((one: { kind: string; apiVersion: string }) => [one.kind, one.apiVersion])),
      versions,
    );
  });

  test('selectors, ports and names meet', () => {
    const { spec } = kind('StatefulSet');
    const labels = spec.template.metadata.labels;
    for (const selector of [
      spec.selector.matchLabels,
      kind('Service').spec.selector,
      kind('PodDisruptionBudget').spec.selector.matchLabels,
      kind('NetworkPolicy').spec.podSelector.matchLabels,
    ])
      for (const [name, value] of Object.entries(selector)) assert.equal(labels[name], value);
    const [container] = spec.template.spec.containers;
    const [port] = container.ports;
    assert.equal(kind('Service').spec.ports[0].targetPort, port.name);
    assert.equal(kind('NetworkPolicy').spec.ingress[0].ports[0].port, port.containerPort);
    assert.equal(kind('HorizontalPodAutoscaler').spec.scaleTargetRef.name, kind('StatefulSet').metadata.name);
    assert.equal(spec.template.spec.serviceAccountName, kind('ServiceAccount').metadata.name);
    const volumes = [
      ...spec.template.spec.volumes,
      ...spec.volumeClaimTemplates.map((one: { metadata: unknown }) => one.metadata),
    ].map(({ name }: { name: string }) => name);
    for (const { name } of container.volumeMounts) assert.ok(volumes.includes(name), name);
  });

  test('the autoscaler alone says how many there are, and the stateful set has names for them', () => {
    const { spec } = kind('StatefulSet');
    assert.equal(spec.replicas, undefined, 'every kubectl apply would put that number back');
    const governing = objects.find((one: { metadata: { name: string } }) => one.metadata.name === spec.serviceName);
    assert.equal(governing.spec.clusterIP, 'None');
  });

  test('no variable comes in that nobody wrote: a service called tollgate would set TOLLGATE_PORT to an address', () => {
    assert.equal(kind('StatefulSet').spec.template.spec.enableServiceLinks, false);
  });

  test('a pod goes on listening while it leaves the service, and has the time for that, the drain and what comes after it', () => {
    const { template } = kind('StatefulSet').spec;
    const { seconds } = template.spec.containers[0].lifecycle.preStop.sleep;
    assert.ok(seconds >= 5);
    const [, told] =
      /`listen.drainTimeout`.* must end (\d+) seconds earlier/.exec(read('docs/azure/kubernetes.md')) ?? [];
    assert.equal(Number(told), seconds + 15);
    assert.ok(template.spec.terminationGracePeriodSeconds > seconds + 15);
  });

  test('it runs as nobody, on a file system that it cannot write to, and is asked on paths that it serves', () => {
    const { template } = kind('StatefulSet').spec;
    const [container] = template.spec.containers;
    assert.equal(template.spec.securityContext.runAsNonRoot, true);
    assert.deepEqual(container.securityContext, {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    assert.deepEqual(
      ['startupProbe', 'livenessProbe', 'readinessProbe'].map((probe) => container[probe].httpGet.path),
      ['/healthz', '/healthz', '/readyz'],
    );
    const environment = Object.fromEntries(
      container.env.map(({ name, value }: { name: string; value: string }) => [name, value]),
    );
    assert.equal(environment['TOLLGATE_PORT'], String(container.ports[0].containerPort));
    const mounts = container.volumeMounts.map(({ mountPath }: { mountPath: string }) => mountPath);
    assert.ok(
      mounts.includes(environment['TOLLGATE_DATA']) &&
        mounts.includes(path.posix.dirname(environment['TOLLGATE_CONFIG'])),
    );
  });
});
