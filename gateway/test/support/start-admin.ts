import { boundFormulas } from '@tollgate/contract/admin-api/budgets.ts';
import { Failure } from '#kernel/errors.ts';
import { pino } from 'pino';
import type { Asked } from '../../src/accounting/reports/asked.ts';
import type { AdminDependencies, Exports } from '../../src/admin/ports.ts';
import { createAdminServer, type AdminServer } from '../../src/admin/server.ts';
import { createDirectory } from '../../src/directory/create-directory.ts';
import type { Directory } from '../../src/directory/directory.ts';
import type { DeclaredDirectory, DirectoryStore } from '../../src/directory/ports.ts';
import { defaultRoutingTerms } from '../../src/model/priority.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { ulidSource } from '../../src/kernel/ids.ts';
import { memoryDirectoryStore } from './memory-directory-store.ts';
import { MemoryLedgerStore } from './memory-ledger-store.ts';
import { correction, shippedRecord, usageRecord } from './records.ts';
import { plainSettings, reportBench } from './report-sources.ts';

export const adminTestToken = 'a-token-of-the-tests-0123456789abcdef';

export interface RunningAdmin {
  readonly server: AdminServer;
  readonly directory: Directory;
  readonly port: number;
  /** Everything that was logged so far, as written. */
  logged(): string;
  /** What the reports were asked. */
  readonly asked: readonly Asked[];
  /** Calls with the token, JSON in and out. */
  call(
    method: 'GET' | 'POST',
    path: string,
    body?: unknown,
  ): Promise<{ status: number; body: unknown; headers: Headers }>;
  close(): Promise<void>;
}

export interface AdminSetting {
  readonly store?: DirectoryStore;
  readonly declared?: DeclaredDirectory;
  readonly address?: string;
  readonly overrides?: Partial<AdminDependencies>;
}

const product = {
  name: 'standard',
  models: new Set(['gpt-5.4-mini']),
  caps: { maxOutputTokens: 4096, maxChoices: null, maxRequestBytes: null },
  unpriced: 'refuse',
  batches: false,
  routing: defaultRoutingTerms,
} as const;

export const declaredForAdmin: DeclaredDirectory = {
  products: [product],
  subscriptions: [
    {
      name: 'finance-copilot',
      product,
      consumer: 'finance',
      costCentrePath: 'contoso/finance',
      suspended: false,
      expiresAt: null,
    },
  ],
  keys: [],
  costCentres: new Map([
    ['marketing', 'contoso/marketing'],
    ['finance', 'contoso/finance'],
  ]),
  models: new Set(['gpt-5.4-mini', 'text-embedding-3-small']),
};

const usedRecord = usageRecord('used', { requestId: 'request-1', caller: { consumer: 'finance' } });

/** What the reports are of: one call, and a correction of it. */
const usedBefore = [shippedRecord(usedRecord), { kind: 'adjustment', adjustment: correction(usedRecord) } as const];

/** What the rest of the gateway answers, told apart from anything that the admin API could have made up. */
export const answers = {
  lag: { records: 7, openAttempts: 3 },
  verification: {
    ok: true,
    journal: { segments: 1, archived: 0, removed: null, opened: 2, settled: 2, open: 0, damaged: [], tornTailBytes: 0 },
    store: { records: 2, rollUpAttempts: 2 },
    sums: [{ meter: 'input', journal: '3', store: '3', rollUp: '3' }],
    lag: { records: 0, openAttempts: 0 },
    problems: [],
  },
  rerated: {
    dryRun: true,
    priceBook: 'book-2',
    looked: 3,
    changed: 1,
    newlyPriced: 1,
    newlyUnpriced: 0,
    unknown: 1,
    delta: { cost: '5', listCost: '-1', internalCost: '0' },
    rows: [],
    reached: '2026-03-01T00:00:00.000Z',
    next: 'book-2-1772323200000-attempt-1',
  },
  openBatch: {
    id: '01KAMZ6G00Q3V7B1N4T8XWY2ZC',
    batch: 'batch_1',
    requestId: '01KAMZ6G00AAAAAAAAAAAAAAAA',
    at: '2026-11-20T09:20:30.000Z',
    consumer: 'marketing',
    subscription: 'marketing-web',
    costCentre: 'contoso/marketing',
    model: 'gpt-5.4-mini',
    endpoint: 'one-batch',
    deployment: 'one/mini-batch',
    reservedNanoUsd: null,
    status: 'in_progress',
    lookedAt: '2026-11-20T09:21:30.000Z',
    problem: null,
  },
  heldAttempt: {
    id: 'attempt-1',
    requestId: 'request-1',
    at: '2026-03-01T00:00:00.000Z',
    consumer: 'finance',
    subscription: 'finance-copilot',
    costCentre: 'contoso/finance',
    endpoint: 'mini-weu',
    deployment: 'contoso-weu/gpt-54-mini',
    outcome: 'gateway-lost',
    reservedNanoUsd: '70',
  },
  deployment: {
    name: 'mini-weu',
    model: 'gpt-5.4-mini',
    resource: 'contoso-weu',
    region: 'westeurope',
    deployment: 'gpt-54-mini',
    deploymentType: 'GlobalStandard',
    state: 'throttled',
    until: '2026-03-01T00:00:10Z',
    override: 'none',
    inFlight: 2,
    utilization: 0.5,
    remainingTokens: 4000,
    remainingRequests: null,
    lastError: '429',
  },
  trace: {
    requestId: '01JNK',
    receivedAt: '2026-03-01T00:00:00Z',
    subscription: 'finance-copilot',
    model: 'gpt-5.4-mini',
    steps: [],
  },
  explanation: {
    model: 'gpt-5.4-mini',
    subscription: 'finance-copilot',
    product: 'standard',
    priority: 'standard',
    allowed: true,
    endpoints: [],
    fallback: [],
    queue: null,
    waitMs: null,
  },
  price: {
    id: 'gpt-5.4-mini/input',
    layer: 'list',
    model: 'gpt-5.4-mini',
    modelVersion: null,
    deploymentType: 'GlobalStandard',
    region: null,
    serviceTier: null,
    mode: 'online',
    minInputTokens: null,
    meter: 'input',
    nanoUsdPerMillion: '750000000',
    effectiveFrom: '2026-03-17',
    effectiveTo: null,
    source: 'a price page, read on 2026-03-17',
    meterIds: [] as string[],
  },
  topUp: {
    id: 'top-up-1',
    budget: 'consumer/finance/month',
    unit: 'nano-usd',
    window: '2026-03-01/P1M',
    amount: '500000000000',
    reason: 'a launch',
    at: '2026-03-02T00:00:00.000Z',
  },
  gateway: {
    journal: '01KAMZ6G00Q3V7B1N4T8XWY2ZC',
    self: false,
    heard: false,
    silentSeconds: 3600,
    accounts: [
      {
        budget: 'consumer/finance/month',
        unit: 'nano-usd',
        windowStart: '2026-03-01T00:00:00.000Z',
        windowEnd: '2026-04-01T00:00:00.000Z',
        granted: '60',
        spent: '10',
        unknown: '5',
        inFlight: '15',
        outstanding: '45',
      },
    ],
  },
  budget: {
    id: 'consumer/finance/month',
    node: 'consumer/finance',
    name: 'month',
    declaredIn: 'config',
    unit: 'nano-usd',
    layer: 'contracted',
    hard: true,
    every: 'month',
    timeZone: 'UTC',
    warnAt: [80],
    window: { id: '2026-03-01/P1M', start: '2026-03-01T00:00:00.000Z', end: '2026-04-01T00:00:00.000Z' },
    amount: '2000000000000',
    carriedOver: '0',
    toppedUp: '500000000000',
    limit: '2500000000000',
    spent: '1600500000000',
    held: '1000000000',
    inFlight: '0',
    unknown: '1000000000',
    leased: '0',
    remaining: '898500000000',
    current: true,
    bounds: { overshoot: '0', overshootIfLost: '0', stranded: '29999999', largestCall: '30000000' },
  },
  config: {
    source: 'tollgate.yaml',
    loadedAt: '2026-03-01T00:00:00Z',
    lastReload: { at: '2026-03-01T00:01:00Z', ok: false, problems: ['line 3: unknown key'] },
    config: { endpoints: { 'mini-weu': { auth: { key: '***' } } } },
  },
  version: { name: 'tollgate', version: '0.1.0', node: 'v26.10.0', startedAt: '2026-03-01T00:00:00Z' },
  metrics:
    '# HELP tollgate_requests_total Requests.\n# TYPE tollgate_requests_total counter\ntollgate_requests_total 1\n',
} as const;

const never = async (): Promise<never> => await Promise.reject(new Error('A test has not said what comes of it.'));

/** For tests in which nothing is exported. */
export const noExports: Exports = {
  make: never,
  key: () => ({ keyId: '0'.repeat(32), publicKey: 'none' }),
  signature: () => undefined,
};

/** For tests in which nothing takes long. */
export const noTasks = {
  verify: never,
  backup: never,
  reship: never,
  workProgress: async () => await Promise.resolve(null),
};

/** The admin API on a free port, with a directory of its own and the answers above. */
export async function startAdmin(setting: AdminSetting = {}): Promise<RunningAdmin> {
  const lines: string[] = [];
  const log = pino({ level: 'trace' }, { write: (line: string) => lines.push(line) });
  const asked: Asked[] = [];
  const { reports } = await reportBench(usedBefore, new MemoryLedgerStore());
  const directory = await createDirectory({
    store: setting.store ?? memoryDirectoryStore(),
    declared: setting.declared ?? declaredForAdmin,
    clock: systemClock,
    log,
  });
  const server = await createAdminServer({
    token: adminTestToken,
    directory,
    reports: {
      query(question) {
        asked.push(question);
        return reports.query(question, plainSettings);
      },
      records(question) {
        asked.push(question);
        return reports.records(question, plainSettings);
      },
      request: (requestId) => reports.request(requestId),
    },
    ledger: {
      ...noTasks,
      lag: () => Promise.resolve(answers.lag),
      verify: () => Promise.resolve(structuredClone({ ...answers.verification }) as never),
    },
    exports: noExports,
    deployments: {
      list: () => [answers.deployment],
      override: (name, { override }) =>
        name === answers.deployment.name ? { ...answers.deployment, override } : undefined,
      reset: (name) => (name === answers.deployment.name ? { ...answers.deployment, state: 'available' } : undefined),
    },
    adjustments: {
      held: () => Promise.resolve({ attempts: [answers.heldAttempt], next: null }),
      writeOff: ({ dryRun }) =>
        Promise.resolve({ dryRun, attempts: [answers.heldAttempt], already: 0, next: '1772323200000-attempt-1' }),
      allocateAnew: ({ dryRun }) => Promise.resolve({ dryRun, rows: [], next: null }),
      breakEven: ({ from, to }) => Promise.resolve({ from, to, priceBook: 'book-2', rows: [] }),
      rerate: () => Promise.resolve({ ...answers.rerated, rows: [] }),
    },
    batches: {
      list: () => Promise.resolve({ follows: true, batches: [answers.openBatch] }),
      writeOff: ({ attempt }) =>
        attempt === answers.openBatch.id
          ? Promise.resolve({ attempt, heldNanoUsd: '1500000000' })
          : Promise.reject(new Failure('admin_not_found', 'There is no such batch.')),
    },
    budgets: {
      list: ({ budget }) =>
        budget === undefined || budget === answers.budget.id
          ? Promise.resolve({
              budgets: [structuredClone({ ...answers.budget }) as never],
              next: null,
              formulas: boundFormulas,
            })
          : Promise.reject(new Failure('admin_not_found', 'There is no such budget.')),
      events: () => Promise.resolve({ events: [], next: null }),
      refusals: () => ({ refusals: [] }),
      simulate: never,
      topUps: () => ({ topUps: [answers.topUp] }),
      topUp: () => Promise.resolve(answers.topUp),
      revokeTopUp: () => Promise.resolve(),
      limits: () => ({ nodes: [] }),
      changeLimits: () => Promise.resolve({ nodes: [] }),
    },
    counters: {
      list: () => Promise.resolve(structuredClone({ shared: true, gateways: [answers.gateway] }) as never),
      writeOff: ({ journal }) =>
        journal === answers.gateway.journal
          ? Promise.resolve(structuredClone({ journal, accounts: answers.gateway.accounts }) as never)
          : Promise.reject(new Failure('admin_not_found', 'There is no such gateway.')),
    },
    routes: {
      trace: (id) => (id === answers.trace.requestId ? { ...answers.trace, steps: [] } : undefined),
      explain({ model }) {
        if (model !== answers.explanation.model) throw new Failure('admin_not_found', 'There is no such model.');
        return { ...answers.explanation, endpoints: [], fallback: [] };
      },
    },
    prices: () => ({
      priceBook: '2026-03-17',
      prices: [answers.price],
      internalRates: [],
      provisioned: [],
      notPriced: [],
      unpricedEndpoints: [],
    }),
    priceSync: {
      query: { apiVersion: '2023-01-01-preview', filter: "serviceName eq 'Foundry Models'" },
      sync: () => {
        throw new Failure('admin_invalid', 'This is no price list of Azure OpenAI.');
      },
    },
    configInForce: () => structuredClone({ ...answers.config }) as never,
    reloadConfig: () => Promise.resolve({ ok: true, problems: [] }),
    metricsText: () => answers.metrics,
    readiness: () => true,
    version: answers.version,
    clock: systemClock,
    newId: ulidSource(),
    log,
    ...setting.overrides,
  });
  const { port } = await server.listen(setting.address ?? '127.0.0.1', 0);
  return {
    server,
    directory,
    port,
    logged: () => lines.join(''),
    asked,
    async call(method, path, body) {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${adminTestToken}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return {
        status: response.status,
        body: text === '' ? null : (JSON.parse(text) as unknown),
        headers: response.headers,
      };
    },
    close: () => server.close(),
  };
}
