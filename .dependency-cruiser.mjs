// Which folder may import which. One allow-list per folder: what is not listed is forbidden.
// Every rule has a comment, because the comment is what a developer reads when the gate is red.
// tools/prove-the-gate.mjs breaks each rule once and fails if this file does not notice.
const SRC = '^gateway/src/';
const programs = ['gateway', 'portal', 'cli', 'twin', 'bench'];
const roots =
  '^(gateway/src/(main|config-worker|ledger-worker|telemetry-worker|token-worker|simulate|doctor)|(cli|twin|bench|portal)/src/main)[.]tsx?$';

/** What each folder of gateway/src may import besides itself. Order = from the bottom up. */
const mayImport = {
  kernel: [],
  model: ['kernel/'],
  config: ['kernel/', 'model/'],
  'proxy/accept': ['kernel/', 'model/'],
  'proxy/consumers': ['kernel/', 'model/'],
  'proxy/policies': ['kernel/', 'model/'],
  'proxy/routing': ['kernel/', 'model/'],
  'proxy/upstream': ['kernel/', 'model/'],
  'proxy/usage': ['kernel/', 'model/'],
  'proxy/batches': ['kernel/', 'model/', 'proxy/'],
  'accounting/budgets': ['kernel/', 'model/', 'accounting/ledger/ports[.]ts$'],
  'accounting/alerts': ['kernel/', 'model/', 'accounting/budgets/account[.]ts$'],
  'accounting/replay': ['kernel/', 'model/', 'accounting/budgets/', 'accounting/ledger/ports[.]ts$'],
  'accounting/cost': ['kernel/', 'model/'],
  'accounting/retail': ['kernel/', 'model/', 'accounting/cost/'],
  'accounting/ledger': ['kernel/', 'model/', 'accounting/cost/'],
  'accounting/adjustments': ['kernel/', 'model/', 'accounting/cost/', 'accounting/ledger/(ports|request-counts)[.]ts$'],
  'accounting/reports': ['kernel/', 'model/', 'accounting/ledger/(archive/)?ports[.]ts$'],
  'accounting/exports': ['kernel/', 'model/', 'accounting/ledger/ports[.]ts$', 'accounting/reports/'],
  simulation: ['kernel/', 'model/', 'proxy/routing/'],
  directory: ['kernel/', 'model/', 'config/'],
  admin: ['kernel/', 'model/', 'config/', 'accounting/(reports|exports)/', 'directory/'],
  adapters: ['kernel/', 'model/', '.*/ports[.]ts$'],
};

const folderRules = Object.entries(mayImport).map(([folder, allowed]) => ({
  name: `${folder.replaceAll('/', '-')}-imports`,
  comment: `gateway/src/${folder} may import only: itself${allowed.map((a) => `, ${a}`).join('')}. Move the shared word to model/, or declare a port and wire it in compose/.`,
  severity: 'error',
  from: { path: `${SRC}${folder}/`, pathNot: '[.]test[.]ts$' },
  to: { path: SRC, pathNot: [`${SRC}${folder}/`, ...allowed.map((a) => SRC + a)] },
}));

export default {
  forbidden: [
    ...folderRules,
    {
      name: 'no-cycles',
      severity: 'error',
      comment: 'A cycle means two files are one file. Type-only cycles count too.',
      from: {},
      to: { circular: true },
    },
    {
      name: 'handle-is-the-only-sequence',
      severity: 'error',
      comment:
        'The files right under proxy/ put the stages in order. They know stages, not adapters, accounting or admin.',
      from: { path: `${SRC}proxy/[^/]+[.]ts$`, pathNot: '[.]test[.]ts$' },
      to: { path: SRC, pathNot: [`${SRC}(proxy|kernel|model)/`] },
    },
    {
      name: 'policies-do-not-know-each-other',
      severity: 'error',
      comment: 'A policy folder imports policy.ts and its own files; never a sibling policy.',
      from: { path: `${SRC}proxy/policies/([^/]+)/`, pathNot: '[.]test[.]ts$' },
      to: { path: `${SRC}proxy/policies/`, pathNot: [`${SRC}proxy/policies/$1/`, `${SRC}proxy/policies/policy[.]ts$`] },
    },
    {
      name: 'only-compose-builds-adapters',
      severity: 'error',
      comment:
        'Only compose/, the workers (config-worker.ts, ledger-worker.ts, telemetry-worker.ts, token-worker.ts) and tests may import gateway/src/adapters.',
      from: {
        path: SRC,
        pathNot: [
          `${SRC}(adapters|compose)/`,
          `${SRC}(config-worker|ledger-worker|telemetry-worker|token-worker)[.]ts$`,
          '[.]test[.]ts$',
        ],
      },
      to: { path: `${SRC}adapters/` },
    },
    {
      name: 'main-knows-compose-only',
      severity: 'error',
      comment: 'main.ts handles the process (signals, listen, drain); everything else is built in compose/.',
      from: { path: `${SRC}main[.]ts$` },
      to: { path: SRC, pathNot: [`${SRC}compose/gateway[.]ts$`, `${SRC}settings[.]ts$`, `${SRC}kernel/`] },
    },
    {
      name: 'nobody-imports-a-root',
      severity: 'error',
      comment: 'Roots are started, not imported; compose/ is imported by the roots and by tests only.',
      from: { path: SRC, pathNot: [`${SRC}[^/]+[.]ts$`, `${SRC}compose/`, '[.]test[.]ts$'] },
      to: {
        path: `${SRC}(compose/|(main|config-worker|ledger-worker|telemetry-worker|token-worker|simulate|doctor|snapshot|config-sections|settings)[.]ts$)`,
      },
    },
    {
      name: 'crossing-a-folder-is-visible',
      severity: 'error',
      comment:
        "Within a folder import './x.ts'; across folders import '#folder/x.ts'. A '../' across folders hides the crossing.",
      from: { path: `${SRC}((?:proxy|accounting)/[^/]+|[^/]+)/` },
      to: { path: SRC, pathNot: `${SRC}$1/`, dependencyTypesNot: ['aliased-subpath-import'] },
    },
    {
      name: 'programs-share-only-the-contract',
      severity: 'error',
      comment: `${programs.join(', ')} are separate programs: they meet in contract/ and over HTTP.`,
      from: { path: `^(${programs.join('|')})/src/` },
      to: { path: `^(${programs.join('|')})/`, pathNot: '^$1/' },
    },
    {
      name: 'contract-words-stay-out-of-the-stages',
      severity: 'error',
      comment:
        'Inside the gateway only kernel (error codes), config, directory, admin, compose, adjustments, reports and exports speak the shared contract; stages speak model/.',
      from: {
        path: SRC,
        pathNot: [
          `${SRC}(kernel|config|directory|admin|compose|accounting/(adjustments|reports|exports))/`,
          `${SRC}[^/]+[.]ts$`,
          '[.]test[.]ts$',
        ],
      },
      to: { path: '^contract/' },
    },
    {
      name: 'contract-is-pure',
      severity: 'error',
      comment: 'contract/ runs in the browser too: no other workspace.',
      from: { path: '^contract/' },
      to: { path: `^(${programs.join('|')}|infra|tools)/` },
    },
    {
      name: 'contract-no-node',
      severity: 'error',
      comment: 'contract/ runs in the browser too: no node: modules.',
      from: { path: '^contract/', pathNot: '[.]test[.]ts$' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'network-only-at-the-edges',
      severity: 'error',
      comment:
        'Sockets and files are opened in proxy/accept, proxy/upstream, admin/, adapters/, compose/, config/ and main.ts only.',
      from: {
        path: SRC,
        pathNot: `${SRC}(proxy/(accept|upstream)|admin|adapters|compose|config)/|${SRC}main[.]ts$|[.]test[.]ts$`,
      },
      // A type opens nothing: the files under proxy/ hand the request and response of the listener on.
      to: {
        dependencyTypes: ['core'],
        dependencyTypesNot: ['type-only'],
        path: '^(node:)?(http|https|http2|net|tls|fs|fs/promises|child_process)$',
      },
    },
    {
      name: 'bicep-is-read-alone',
      severity: 'error',
      comment:
        'tools/bicep and tools/kql read Bicep and KQL, of whatever project: they know neither our templates nor our programs.',
      from: { path: '^tools/(bicep|kql)/' },
      to: { pathNot: '^tools/$1/', dependencyTypesNot: ['core'] },
    },
    {
      name: 'infrastructure-is-deployed-not-imported',
      severity: 'error',
      comment: 'Programs do not know the templates that deploy them; tests compare the two.',
      from: { pathNot: '^infra/' },
      to: { path: '^infra/' },
    },
    {
      name: 'declared-dependencies-only',
      severity: 'error',
      comment: 'Shipped code imports only what its own package.json lists under dependencies.',
      from: { path: `^(${programs.join('|')}|contract)/src/`, pathNot: '[.]test[.]ts$' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'no-test-imports',
      severity: 'error',
      comment: 'Shipped code may not import tests or test support.',
      from: { pathNot: '([.]test[.]ts$|/test/)' },
      to: { path: '([.]test[.]ts$|/test/)' },
    },
    {
      name: 'reachable-from-a-root',
      severity: 'error',
      comment: 'No program reaches this file, so nothing runs it (a test alone does not count). Wire it or delete it.',
      from: { path: roots },
      to: {
        path: `^(${programs.join('|')}|contract)/src/`,
        pathNot: ['[.]d[.]ts$', '[.]test[.]ts$', roots],
        reachable: false,
      },
    },
    {
      name: 'resolvable',
      severity: 'error',
      comment: 'This import does not resolve to a file.',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    tsPreCompilationDeps: true, // type-only imports count: a type is a dependency of the design
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    combinedDependencies: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
