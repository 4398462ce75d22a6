import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { errorDefinitions } from '@tollgate/contract/errors.ts';
import { startAdmin, type RunningAdmin } from '../../test/support/start-admin.ts';

type Node = { readonly [member: string]: unknown };
const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null;
const nodeAt = (value: unknown, key: string): Node => {
  const found = isNode(value) ? value[key] : undefined;
  assert.ok(isNode(found), `${key} is missing`);
  return found;
};

/** Every object inside, with the path to it. */
function* nodesOf(value: unknown, path = '#'): Generator<readonly [string, Node]> {
  if (!isNode(value)) return;
  yield [path, value];
  for (const [key, child] of Object.entries(value)) yield* nodesOf(child, `${path}/${key}`);
}

interface Operation {
  readonly at: string;
  readonly path: string;
  readonly node: Node;
}

function operationsOf(document: Node): readonly Operation[] {
  return Object.entries(nodeAt(document, 'paths')).flatMap(([path, methods]) =>
    Object.entries(isNode(methods) ? methods : {}).map(([method, node]) => {
      assert.ok(isNode(node));
      return { at: `${method} ${path}`, path, node };
    }),
  );
}

describe('the OpenAPI document', () => {
  let admin: RunningAdmin;
  let document: Node;
  before(async () => {
    admin = await startAdmin();
    const response = await fetch(`http://127.0.0.1:${admin.port}/openapi.json`);
    assert.equal(response.status, 200);
    const body: unknown = await response.json();
    assert.ok(isNode(body));
    document = body;
  });
  after(() => admin.close());

  test('is served without a token, and is the one that documentation is made of', () => {
    assert.equal(document['openapi'], '3.1.0');
    assert.deepEqual(document, JSON.parse(JSON.stringify(admin.server.openApi())));
  });

  test('names every operation, once', () => {
    assert.deepEqual(
      operationsOf(document)
        .map((one) => `${one.at} ${String(one.node['operationId'])}`)
        .toSorted(),
      [
        'get /admin/v1/audit auditTrail',
        'get /admin/v1/batches listBatches',
        'get /admin/v1/budgets listBudgets',
        'get /admin/v1/budgets/events listBudgetEvents',
        'get /admin/v1/budgets/refusals/{id} explainRefusal',
        'get /admin/v1/budgets/top-ups listTopUps',
        'get /admin/v1/config configInForce',
        'get /admin/v1/counters listCounters',
        'get /admin/v1/deployments listDeployments',
        'get /admin/v1/exports/csv exportCsv',
        'get /admin/v1/exports/focus exportFocus',
        'get /admin/v1/exports/json exportJson',
        'get /admin/v1/exports/key exportKey',
        'get /admin/v1/exports/signature exportSignature',
        'get /admin/v1/exports/statement exportStatement',
        'get /admin/v1/ledger/held listHeld',
        'get /admin/v1/ledger/lag ledgerLag',
        'get /admin/v1/ledger/work/{id} ledgerWork',
        'get /admin/v1/limits listLimits',
        'get /admin/v1/prices listPrices',
        'get /admin/v1/prices/query priceQuery',
        'get /admin/v1/products listProducts',
        'get /admin/v1/ptu/break-even ptuBreakEven',
        'get /admin/v1/routes/explain explainRoute',
        'get /admin/v1/routes/requests/{id} routeOfRequest',
        'get /admin/v1/subscriptions listSubscriptions',
        'get /admin/v1/subscriptions/{name} getSubscription',
        'get /admin/v1/usage usage',
        'get /admin/v1/usage/records usageRecords',
        'get /admin/v1/usage/requests/{requestId} usageRequest',
        'get /admin/v1/version version',
        'get /healthz health',
        'get /metrics metrics',
        'get /openapi.json openApi',
        'get /readyz readiness',
        'post /admin/v1/batches/write-off writeOffBatch',
        'post /admin/v1/budgets/simulate simulateBudgets',
        'post /admin/v1/budgets/top-ups topUpBudget',
        'post /admin/v1/budgets/top-ups/{id}/revoke revokeTopUp',
        'post /admin/v1/config/reload reloadConfig',
        'post /admin/v1/counters/write-off writeOffGateway',
        'post /admin/v1/deployments/{name}/override overrideDeployment',
        'post /admin/v1/deployments/{name}/reset resetDeployment',
        'post /admin/v1/ledger/rerate rerate',
        'post /admin/v1/ledger/verify verifyLedger',
        'post /admin/v1/ledger/work beginLedgerWork',
        'post /admin/v1/ledger/write-off writeOff',
        'post /admin/v1/limits changeLimits',
        'post /admin/v1/prices/sync syncPrices',
        'post /admin/v1/products createProduct',
        'post /admin/v1/ptu/allocate ptuAllocate',
        'post /admin/v1/subscriptions createSubscription',
        'post /admin/v1/subscriptions/{name}/activate activateSubscription',
        'post /admin/v1/subscriptions/{name}/keys/{slot}/regenerate regenerateKey',
        'post /admin/v1/subscriptions/{name}/suspend suspendSubscription',
      ],
    );
  });

  test('says of every operation what it does, what it answers, and which parameters it has', () => {
    for (const { at, path, node } of operationsOf(document)) {
      assert.match(String(node['summary']), /^[A-Z]/, at);
      assert.ok(Array.isArray(node['tags']) && node['tags'].length === 1, at);
      for (const [status, response] of Object.entries(nodeAt(node, 'responses'))) {
        assert.match(status, /^[2345]\d\d$/);
        assert.match(String(nodeAt({ response }, 'response')['description']), /\.$/, `${at} ${status}`);
        assert.doesNotMatch(String(nodeAt({ response }, 'response')['description']), /Default Response/);
      }
      const declared = Array.isArray(node['parameters']) ? node['parameters'].filter(isNode) : [];
      const inPath = declared.filter((one) => one['in'] === 'path').map((one) => one['name']);
      assert.deepEqual(
        inPath,
        [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]),
        at,
      );
      for (const parameter of declared)
        assert.ok(parameter['description'], `${at}: the parameter ${String(parameter['name'])} has no description`);
    }
  });

  test('asks for the token for whatever is under /admin/v1, and for nothing else', () => {
    assert.deepEqual(document['security'], [{ adminToken: [] }]);
    for (const { at, path, node } of operationsOf(document)) {
      assert.deepEqual(node['security'], path.startsWith('/admin/v1/') ? undefined : [], at);
      assert.equal('401' in nodeAt(node, 'responses'), path.startsWith('/admin/v1/'), at);
    }
  });

  test('describes every property', () => {
    const undescribed: string[] = [];
    for (const [path, node] of nodesOf(document)) {
      const properties = node['properties'];
      if (!isNode(properties) || path.endsWith('/properties')) continue;
      for (const [name, schema] of Object.entries(properties))
        if (isNode(schema) && schema['description'] === undefined && schema['$ref'] === undefined)
          undescribed.push(`${path}/${name}`);
    }
    assert.deepEqual(undescribed, []);
  });

  test('refers only to what it holds, and holds only what it refers to', () => {
    const references = new Set<string>();
    for (const [, node] of nodesOf(document)) if (typeof node['$ref'] === 'string') references.add(node['$ref']);
    const components = Object.keys(nodeAt(nodeAt(document, 'components'), 'schemas'));
    assert.deepEqual([...references].toSorted(), components.map((name) => `#/components/schemas/${name}`).toSorted());
  });

  test('names only error codes of the closed list, with their status', () => {
    for (const { at, node } of operationsOf(document))
      for (const [status, response] of Object.entries(nodeAt(node, 'responses')))
        for (const [, code] of JSON.stringify(response).matchAll(/`(admin_\w+)`/g)) {
          const definition = Object.entries(errorDefinitions).find(([name]) => name === code)?.[1];
          assert.equal(definition?.status, Number(status), `${at}: ${code}`);
        }
  });
});
