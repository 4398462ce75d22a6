import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { auditPageSchema } from '@tollgate/contract/admin-api/audit.ts';
import { adminErrorSchema, ledgerWorkSchema } from '@tollgate/contract/admin-api/operations.ts';
import {
  newKeysSchema,
  productSchema,
  subscriptionListSchema,
  subscriptionSchema,
} from '@tollgate/contract/admin-api/subscriptions.ts';
import { usageRecordsSchema, usageRequestSchema } from '@tollgate/contract/admin-api/usage.ts';
import { usageReportSchema } from '@tollgate/contract/usage.ts';
import { createSqliteDirectoryStore } from '#adapters/sqlite-directory/directory-store.ts';
import { openSqlite } from '#adapters/sqlite/open.ts';
import { keyDigest } from '#directory/keys.ts';
import { Failure } from '#kernel/errors.ts';
import {
  adminTestToken,
  answers,
  noTasks,
  startAdmin,
  type AdminSetting,
  type RunningAdmin,
} from '../../test/support/start-admin.ts';
import { assertNotLogged, linesWith, untilLogged } from '../../test/support/logged.ts';

async function withAdmin(setting: AdminSetting, run: (admin: RunningAdmin) => Promise<void>): Promise<void> {
  const admin = await startAdmin(setting);
  try {
    await run(admin);
  } finally {
    await admin.close();
  }
}

/** Checks status and code, and gives the rest of the error. */
function refused(reply: { readonly status: number; readonly body: unknown }, status: number, code: string) {
  const { error } = adminErrorSchema.parse(reply.body);
  assert.equal(`${reply.status} ${error.code}`, `${status} ${code}`, error.message);
  return error;
}

interface RawReply {
  readonly status: number;
  readonly body: unknown;
  readonly headers: NodeJS.Dict<string | string[]>;
}

/** With headers that `fetch` would not send. */
async function raw(
  admin: RunningAdmin,
  options: {
    readonly method?: string;
    readonly path: string;
    readonly headers?: Record<string, string>;
    readonly body?: string;
  },
): Promise<RawReply> {
  const request = httpRequest({
    host: '127.0.0.1',
    port: admin.port,
    method: options.method ?? 'GET',
    path: options.path,
    headers: options.headers ?? {},
    agent: false,
  });
  request.end(options.body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const body = await text(response);
  return {
    status: response.statusCode ?? 0,
    body: body === '' ? null : (JSON.parse(body) as unknown),
    headers: response.headers,
  };
}

const authorized = { authorization: `Bearer ${adminTestToken}` };
const json = { ...authorized, 'content-type': 'application/json' };
const web = { name: 'marketing-web', product: 'standard', consumer: 'marketing', costCentre: 'marketing' };

describe('who may call the admin API', () => {
  let admin: RunningAdmin;
  before(async () => {
    admin = await startAdmin();
  });
  after(() => admin.close());

  const guarded = [
    'GET /admin/v1/subscriptions',
    'POST /admin/v1/subscriptions',
    'GET /admin/v1/subscriptions/finance-copilot',
    'POST /admin/v1/subscriptions/finance-copilot/keys/primary/regenerate',
    'POST /admin/v1/subscriptions/finance-copilot/suspend',
    'POST /admin/v1/subscriptions/finance-copilot/activate',
    'GET /admin/v1/products',
    'POST /admin/v1/products',
    'GET /admin/v1/usage',
    'GET /admin/v1/deployments',
    'GET /admin/v1/routes/requests/01JNK',
    'GET /admin/v1/routes/explain',
    'POST /admin/v1/deployments/mini-weu/override',
    'POST /admin/v1/deployments/mini-weu/reset',
    'GET /admin/v1/prices',
    'GET /admin/v1/config',
    'POST /admin/v1/config/reload',
    'POST /admin/v1/ledger/verify',
    'GET /admin/v1/ledger/lag',
    'POST /admin/v1/ledger/work',
    'GET /admin/v1/ledger/work/01JNK',
    'GET /admin/v1/ledger/held',
    'POST /admin/v1/ledger/write-off',
    'POST /admin/v1/ledger/rerate',
    'GET /admin/v1/ptu/break-even',
    'POST /admin/v1/ptu/allocate',
    'GET /admin/v1/audit',
    'GET /admin/v1/version',
    'GET /admin/v1/nothing-here',
    'GET /admin/v1',
    'DELETE /admin/v1/subscriptions',
  ];
  for (const route of guarded) {
    const [method = '', path = ''] = route.split(' ');
    test(`${route} needs the token`, async () => {
      for (const headers of [
        {},
        { authorization: 'Bearer wrong-token-0123456789abcdef' },
        { 'api-key': adminTestToken },
      ]) {
        const reply = await raw(admin, { method, path, headers });
        refused(reply, 401, 'admin_unauthorized');
        assert.equal(reply.headers['www-authenticate'], 'Bearer realm="tollgate-admin"');
      }
      const allowed = await raw(admin, { method, path, headers: authorized });
      assert.notEqual(allowed.status, 401);
    });
  }

  test('the open routes need none', async () => {
    assert.deepEqual((await raw(admin, { path: '/healthz' })).body, { status: 'ok', ready: true });
    assert.equal((await raw(admin, { path: '/readyz' })).status, 200);
    const metrics = await fetch(`http://127.0.0.1:${admin.port}/metrics`);
    assert.equal(metrics.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
    assert.equal(await metrics.text(), answers.metrics);
  });

  test('a page of another site that reaches the loopback address by its own name is turned away', async () => {
    for (const path of ['/admin/v1/version', '/metrics', '/healthz', '/nothing-here']) {
      const reply = await raw(admin, { path, headers: { ...authorized, host: 'attacker.example:8081' } });
      refused(reply, 421, 'admin_wrong_host');
    }
    const named = await raw(admin, { path: '/admin/v1/version', headers: { ...authorized, host: 'localhost:9000' } });
    assert.equal(named.status, 200);
  });

  test('replies are not cached and not readable by pages of other origins, errors included', async () => {
    for (const [path, headers] of [
      ['/admin/v1/subscriptions', authorized],
      ['/admin/v1/subscriptions', {}],
      ['/healthz', {}],
      ['/nothing-here', {}],
      ['/%zz', {}],
    ] as const) {
      const reply = await raw(admin, { path, headers: { ...headers, origin: 'https://attacker.example' } });
      assert.equal(reply.headers['cache-control'], 'no-store', path);
      assert.equal(reply.headers['x-content-type-options'], 'nosniff', path);
      assert.equal(reply.headers['access-control-allow-origin'], undefined, path);
    }
    const preflight = await raw(admin, {
      method: 'OPTIONS',
      path: '/admin/v1/subscriptions',
      headers: { origin: 'https://attacker.example', 'access-control-request-method': 'POST' },
    });
    refused(preflight, 401, 'admin_unauthorized');
  });
});

test('on another than a loopback address any host name is taken', () =>
  withAdmin({ address: '0.0.0.0' }, async (admin) => {
    const reply = await raw(admin, { path: '/admin/v1/version', headers: { ...authorized, host: 'tollgate.example' } });
    assert.equal(reply.status, 200);
  }));

test('readyz says 503 while the data plane does not serve, healthz still 200', () =>
  withAdmin({ overrides: { readiness: () => false } }, async (admin) => {
    assert.deepEqual(await raw(admin, { path: '/readyz' }).then(({ status, body }) => [status, body]), [
      503,
      { status: 'ok', ready: false },
    ]);
    assert.deepEqual(await raw(admin, { path: '/healthz' }).then(({ status, body }) => [status, body]), [
      200,
      { status: 'ok', ready: false },
    ]);
  }));

describe('what is only shown', () => {
  const reading: readonly (readonly ['GET' | 'POST', string, unknown])[] = [
    ['GET', '/admin/v1/deployments', { deployments: [answers.deployment] }],
    ['GET', '/admin/v1/routes/requests/01JNK', answers.trace],
    ['GET', '/admin/v1/routes/explain?model=gpt-5.4-mini&as=finance', answers.explanation],
    [
      'GET',
      '/admin/v1/prices',
      {
        priceBook: '2026-03-17',
        prices: [answers.price],
        internalRates: [],
        provisioned: [],
        notPriced: [],
        unpricedEndpoints: [],
      },
    ],
    ['GET', '/admin/v1/config', answers.config],
    ['POST', '/admin/v1/ledger/verify', answers.verification],
    ['GET', '/admin/v1/ledger/lag', answers.lag],
    ['GET', '/admin/v1/batches', { follows: true, batches: [answers.openBatch] }],
    ['GET', '/admin/v1/ledger/held', { attempts: [answers.heldAttempt], next: null }],
    ['GET', '/admin/v1/version', answers.version],
  ];
  for (const [method, path, expected] of reading)
    test(`${method} ${path}`, () =>
      withAdmin({}, async (admin) => {
        const { status, body } = await admin.call(method, path);
        assert.deepEqual([status, body], [200, expected]);
      }));
});

describe('an order for an endpoint', () => {
  const path = '/admin/v1/deployments/mini-weu';

  test('is given, answered with how the endpoint stands, and in the audit trail', () =>
    withAdmin({}, async (admin) => {
      const drained = await admin.call('POST', `${path}/override`, { override: 'drain', forSeconds: 60 });
      assert.deepEqual([drained.status, drained.body], [200, { ...answers.deployment, override: 'drain' }]);
      const reset = await admin.call('POST', `${path}/reset`);
      assert.deepEqual([reset.status, reset.body], [200, { ...answers.deployment, state: 'available' }]);
      const trail = auditPageSchema.parse((await admin.call('GET', '/admin/v1/audit')).body);
      assert.deepEqual(
        trail.entries.slice(0, 2).map(({ action, subject }) => [action, subject]),
        [
          ['deployment.reset', 'endpoint/mini-weu'],
          ['deployment.override', 'endpoint/mini-weu: drain'],
        ],
      );
    }));

  test('that makes no sense is refused, and so is one for an endpoint that does not exist', () =>
    withAdmin({}, async (admin) => {
      const wrong = await admin.call('POST', `${path}/override`, { override: 'stop', forSeconds: -1, for: '10m' });
      const details = refused(wrong, 400, 'admin_invalid').details ?? [];
      assert.deepEqual(
        details.map((one) => one.split(':')[0]),
        ['body.override', 'body.forSeconds', 'body'],
      );
      const nobody = await admin.call('POST', '/admin/v1/deployments/nobody/override', { override: 'drain' });
      refused(nobody, 404, 'admin_not_found');
      refused(await admin.call('POST', '/admin/v1/deployments/nobody/reset'), 404, 'admin_not_found');
    }));
});

describe('the route of a request', () => {
  test('that nobody remembers is not found; nor is a model that does not exist', () =>
    withAdmin({}, async (admin) => {
      refused(await admin.call('GET', '/admin/v1/routes/requests/unknown'), 404, 'admin_not_found');
      refused(await admin.call('GET', '/admin/v1/routes/explain?model=other&as=finance'), 404, 'admin_not_found');
      const bare = await admin.call('GET', '/admin/v1/routes/explain?stream=perhaps&x=1');
      const details = refused(bare, 400, 'admin_invalid').details ?? [];
      assert.deepEqual(
        details.map((one) => one.split(':')[0]),
        ['query.model', 'query.as', 'query.stream', 'query'],
      );
    }));
});

describe('the usage report', () => {
  test('is asked for as it came, and given as it comes', () =>
    withAdmin({}, async (admin) => {
      const { status, body } = await admin.call('GET', '/admin/v1/usage');
      assert.equal(status, 200);
      const report = usageReportSchema.parse(body);
      assert.deepEqual(body, report);
      assert.deepEqual(
        report.rows.map((row) => [row.keys, row.costNanoUsd]),
        [[{ consumer: 'finance' }, '260007']],
      );
      await admin.call('GET', '/admin/v1/usage?by=model,day&filter=region%3Dwesteurope&filter=outcome%3Dcompleted');
      assert.deepEqual(
        admin.asked.map((one) => ({ ...one })),
        [{}, { by: 'model,day', filter: ['region=westeurope', 'outcome=completed'] }],
      );
    }));

  test('says everything that is wrong with a question at once', () =>
    withAdmin({}, async (admin) => {
      for (const [path, names] of [
        ['usage?by=colour&from=someday&waitMs=-1&extra=1&filter=x', ['extra', 'from', 'filter', 'by', 'waitMs']],
        ['usage?from=2026-04-01T00:00:00Z&to=2026-04-01T00:00:00Z', ['from']],
        ['usage/records?limit=0&by=model&timeZone=Mars', ['by', 'timeZone', 'limit']],
      ] as const) {
        const reply = await admin.call('GET', `/admin/v1/${path}`);
        const details = refused(reply, 400, 'admin_invalid').details ?? [];
        assert.deepEqual(
          details.map((one) => one.split(':')[0]),
          names,
        );
      }
    }));

  test('is followed to the calls behind it, and a call by its request id', () =>
    withAdmin({}, async (admin) => {
      const { status, body } = await admin.call('GET', '/admin/v1/usage/records?filter=consumer%3Dfinance');
      assert.equal(status, 200);
      const { entries, next } = usageRecordsSchema.parse(body);
      assert.deepEqual([entries.map((one) => one.kind), next], [['adjustment', 'record'], null]);
      const found = await admin.call('GET', '/admin/v1/usage/requests/request-1');
      const { attempts } = usageRequestSchema.parse(found.body);
      assert.deepEqual(
        attempts.map((one) => [one.id, one.adjustments.length]),
        [['used', 1]],
      );
      refused(await admin.call('GET', '/admin/v1/usage/requests/another'), 404, 'admin_not_found');
    }));
});

describe('products', () => {
  test('are made and listed beside declared ones', () =>
    withAdmin({}, async (admin) => {
      const made = await admin.call('POST', '/admin/v1/products', {
        name: 'search',
        models: ['text-embedding-3-small'],
        caps: { maxRequestBytes: 1000 },
        unpriced: 'allow-and-flag',
      });
      assert.equal(made.status, 201);
      const expected = {
        name: 'search',
        models: ['text-embedding-3-small'],
        caps: { maxOutputTokens: null, maxChoices: null, maxRequestBytes: 1000 },
        unpriced: 'allow-and-flag',
        declaredIn: 'admin',
      };
      assert.deepEqual(productSchema.parse(made.body), expected);
      const listed = await admin.call('GET', '/admin/v1/products');
      assert.deepEqual(listed.body, {
        products: [
          expected,
          {
            name: 'standard',
            models: ['gpt-5.4-mini'],
            caps: { maxOutputTokens: 4096, maxChoices: null, maxRequestBytes: null },
            unpriced: 'refuse',
            declaredIn: 'config',
          },
        ],
      });
    }));

  test('of an existing name, or with models that nobody serves, are refused', () =>
    withAdmin({}, async (admin) => {
      const taken = await admin.call('POST', '/admin/v1/products', { name: 'standard', models: ['gpt-5.4-mini'] });
      refused(taken, 409, 'admin_conflict');
      const unknown = await admin.call('POST', '/admin/v1/products', { name: 'p', models: ['gpt-9'] });
      assert.match(refused(unknown, 400, 'admin_invalid').message, /gpt-9/);
    }));
});

/** The name of the subscription that a key opens. */
function opens(admin: RunningAdmin, key: string | undefined): string | undefined {
  assert.ok(key !== undefined);
  return admin.directory.current().byKeyDigest(keyDigest(key))?.name;
}

describe('subscriptions and their keys', () => {
  test('from the first key to the last', () =>
    withAdmin({}, async (admin) => {
      const created = await admin.call('POST', '/admin/v1/subscriptions', web);
      assert.equal(created.status, 201);
      assert.equal(created.headers.get('location'), '/admin/v1/subscriptions/marketing-web');
      const { keys } = newKeysSchema.parse(created.body);
      assert.match(keys.primary ?? '', /^tg_[A-Za-z0-9_-]{43}$/);
      assert.equal(opens(admin, keys.primary), 'marketing-web');
      assert.equal(opens(admin, keys.secondary), 'marketing-web');

      const path = created.headers.get('location') ?? '';
      const again = await admin.call('POST', `${path}/keys/primary/regenerate`);
      const renewed = newKeysSchema.parse(again.body);
      assert.equal(again.status, 200);
      assert.deepEqual(Object.keys(renewed.keys), ['primary']);
      assert.equal(opens(admin, keys.primary), undefined);
      assert.equal(opens(admin, renewed.keys.primary), 'marketing-web');
      assert.equal(opens(admin, keys.secondary), 'marketing-web');

      const suspended = await admin.call('POST', `${path}/suspend`);
      assert.equal(subscriptionSchema.parse(suspended.body).state, 'suspended');
      assert.equal(admin.directory.current().subscriptions.get('marketing-web')?.suspended, true);
      const active = await admin.call('POST', `${path}/activate`);
      assert.equal(subscriptionSchema.parse(active.body).state, 'active');
      assert.equal(admin.directory.current().subscriptions.get('marketing-web')?.suspended, false);

      const one = await admin.call('GET', path);
      const { subscriptions } = subscriptionListSchema.parse((await admin.call('GET', '/admin/v1/subscriptions')).body);
      assert.deepEqual(one.body, subscriptions[1]);
      assert.deepEqual(subscriptions[0], {
        name: 'finance-copilot',
        product: 'standard',
        consumer: 'finance',
        costCentre: 'contoso/finance',
        state: 'active',
        expiresAt: null,
        declaredIn: 'config',
        keys: { primary: false, secondary: false },
        createdAt: null,
      });
    }));

  test('a declared subscription gets its keys here, and can be stopped here', () =>
    withAdmin({}, async (admin) => {
      const path = '/admin/v1/subscriptions/finance-copilot';
      const { keys } = newKeysSchema.parse((await admin.call('POST', `${path}/keys/secondary/regenerate`)).body);
      assert.equal(opens(admin, keys.secondary), 'finance-copilot');
      const { state, keys: made } = subscriptionSchema.parse((await admin.call('POST', `${path}/suspend`)).body);
      assert.deepEqual([state, made], ['suspended', { primary: false, secondary: true }]);
    }));

  test('one of two requests for the same name wins', () =>
    withAdmin({}, async (admin) => {
      const replies = await Promise.all([
        admin.call('POST', '/admin/v1/subscriptions', web),
        admin.call('POST', '/admin/v1/subscriptions', web),
      ]);
      assert.deepEqual(
        replies.map((one) => one.status).toSorted((a, b) => a - b),
        [201, 409],
      );
      const winner = replies.find((one) => one.status === 201);
      assert.equal(opens(admin, newKeysSchema.parse(winner?.body).keys.primary), 'marketing-web');
    }));

  const nobody: readonly (readonly ['GET' | 'POST', string])[] = [
    ['GET', '/admin/v1/subscriptions/nobody'],
    ['POST', '/admin/v1/subscriptions/nobody/suspend'],
    ['POST', '/admin/v1/subscriptions/nobody/activate'],
    ['POST', '/admin/v1/subscriptions/nobody/keys/primary/regenerate'],
  ];
  for (const [method, path] of nobody)
    test(`${method} ${path} is 404`, () =>
      withAdmin({}, async (admin) => {
        refused(await admin.call(method, path), 404, 'admin_not_found');
      }));

  test('says everything that is wrong with a new one at once, and makes nothing', () =>
    withAdmin({}, async (admin) => {
      const reply = await admin.call('POST', '/admin/v1/subscriptions', {
        name: 'Not A Name',
        consumer: 7,
        costCentre: 'marketing',
        expiresAt: 'soon',
        key: 'my-own',
      });
      const details = refused(reply, 400, 'admin_invalid').details ?? [];
      assert.deepEqual(
        details.map((one) => one.split(':')[0]),
        ['body.name', 'body.product', 'body.consumer', 'body.expiresAt', 'body'],
      );
      assert.ok(!details.join().includes('my-own'));
      assert.equal(admin.directory.current().subscriptions.size, 1);
    }));

  test('a slot or name that cannot be is refused by the schema', () =>
    withAdmin({}, async (admin) => {
      const slot = await admin.call('POST', '/admin/v1/subscriptions/finance-copilot/keys/tertiary/regenerate');
      assert.match(refused(slot, 400, 'admin_invalid').details?.join() ?? '', /^params\.slot/);
      const name = await admin.call('GET', '/admin/v1/subscriptions/..%2f..%2fetc');
      assert.match(refused(name, 400, 'admin_invalid').details?.join() ?? '', /^params\.name/);
    }));
});

test('keys outlive the process: a restart on the same file, then a reload', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-admin-'));
  const file = { path: join(folder, 'store.sqlite'), durability: 'process' } as const;
  try {
    let database = openSqlite(file);
    let made: { primary?: string | undefined; secondary?: string | undefined } = {};
    await withAdmin({ store: await createSqliteDirectoryStore(database) }, async (admin) => {
      made = newKeysSchema.parse((await admin.call('POST', '/admin/v1/subscriptions', web)).body).keys;
      await admin.call('POST', '/admin/v1/subscriptions/marketing-web/suspend');
    });
    await database.close();
    database = openSqlite(file);
    await withAdmin({ store: await createSqliteDirectoryStore(database) }, async (admin) => {
      assert.equal(opens(admin, made.primary), 'marketing-web');
      assert.equal(opens(admin, made.secondary), 'marketing-web');
      const { body } = await admin.call('GET', '/admin/v1/subscriptions/marketing-web');
      assert.equal(subscriptionSchema.parse(body).state, 'suspended');
      const trail = auditPageSchema.parse((await admin.call('GET', '/admin/v1/audit')).body);
      assert.deepEqual(
        trail.entries.map((one) => one.action),
        ['subscription.suspend', 'subscription.create', 'subscription.declare'],
      );
    });
    await database.close();
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('neither a key nor its digest nor the admin token is ever listed or logged', () =>
  withAdmin({}, async (admin) => {
    const created = newKeysSchema.parse((await admin.call('POST', '/admin/v1/subscriptions', web)).body);
    const renewed = newKeysSchema.parse(
      (await admin.call('POST', '/admin/v1/subscriptions/marketing-web/keys/primary/regenerate')).body,
    );
    await admin.call('POST', '/admin/v1/subscriptions', web);
    await admin.call('POST', '/admin/v1/subscriptions', { ...web, key: created.keys.primary });
    await raw(admin, { path: `/admin/v1/subscriptions/${created.keys.primary ?? ''}`, headers: authorized });
    await raw(admin, { path: '/admin/v1/version', headers: { authorization: 'Bearer a-guess-0123456789' } });
    const shown: string[] = [];
    for (const path of ['subscriptions', 'subscriptions/marketing-web', 'products', 'audit', 'config'])
      shown.push(JSON.stringify((await admin.call('GET', `/admin/v1/${path}`)).body));
    const secrets = [created.keys.primary, created.keys.secondary, renewed.keys.primary].flatMap((key) => [
      key ?? '',
      keyDigest(key ?? ''),
    ]);
    for (const secret of [...secrets, adminTestToken, 'a-guess-0123456789']) {
      assert.ok(secret.length > 10);
      assert.ok(!shown.join('\n').includes(secret), 'listed');
      assertNotLogged(admin, secret, 'logged');
    }
  }));

describe('the audit trail', () => {
  test('is paged from the newest', () =>
    withAdmin({}, async (admin) => {
      await admin.call('POST', '/admin/v1/subscriptions', web);
      await admin.call('POST', '/admin/v1/config/reload');
      const first = auditPageSchema.parse((await admin.call('GET', '/admin/v1/audit?limit=2')).body);
      assert.deepEqual(
        first.entries.map(({ action, actor, subject }) => [action, actor, subject]),
        [
          ['config.reload', 'admin-token', 'configuration'],
          ['subscription.create', 'admin-token', 'subscription/marketing-web'],
        ],
      );
      const second = auditPageSchema.parse(
        (await admin.call('GET', `/admin/v1/audit?limit=2&before=${String(first.next)}`)).body,
      );
      assert.deepEqual(
        second.entries.map(({ action, actor }) => [action, actor]),
        [['subscription.declare', 'configuration']],
      );
      assert.equal(second.next, null);
      refused(await admin.call('GET', '/admin/v1/audit?limit=0'), 400, 'admin_invalid');
    }));

  test('does not hold a reload that was not accepted', () =>
    withAdmin(
      { overrides: { reloadConfig: () => Promise.resolve({ ok: false, problems: ['line 3: unknown key'] }) } },
      async (admin) => {
        const { status, body } = await admin.call('POST', '/admin/v1/config/reload');
        assert.deepEqual([status, body], [200, { ok: false, problems: ['line 3: unknown key'] }]);
        const trail = auditPageSchema.parse((await admin.call('GET', '/admin/v1/audit')).body);
        assert.ok(trail.entries.every((one) => one.action !== 'config.reload'));
      },
    ));
});

describe('work on the ledger', () => {
  test('is begun and asked for; a backup is in the audit trail', () =>
    withAdmin(
      {
        overrides: {
          ledger: {
            ...noTasks,
            lag: () => Promise.resolve(answers.lag),
            backup: (folder) =>
              Promise.resolve({
                folder,
                madeAt: '2026-03-01T00:00:00Z',
                files: 3,
                bytes: 100,
                store: 'sqlite',
                storeCopied: true,
                notes: [],
              }),
          },
        },
      },
      async (admin) => {
        const begun = await admin.call('POST', '/admin/v1/ledger/work', { kind: 'backup', folder: '/backups/one' });
        const { id } = ledgerWorkSchema.parse(begun.body);
        const ended = await admin.call('GET', `/admin/v1/ledger/work/${id}?waitMs=1000`);
        const work = ledgerWorkSchema.parse(ended.body);
        assert.deepEqual([work.state, work.backup?.folder], ['done', '/backups/one']);
        const trail = auditPageSchema.parse((await admin.call('GET', '/admin/v1/audit')).body);
        assert.deepEqual(
          trail.entries.slice(0, 1).map((one) => [one.action, one.subject]),
          [['ledger.backup', '/backups/one']],
        );
      },
    ));

  test('is refused where the request makes no sense, and not found where there is none', () =>
    withAdmin({}, async (admin) => {
      for (const body of [{ kind: 'dance' }, { kind: 'backup' }, { kind: 'verify', folder: '/x' }])
        refused(await admin.call('POST', '/admin/v1/ledger/work', body), 400, 'admin_invalid');
      refused(await admin.call('GET', '/admin/v1/ledger/work/nothing'), 404, 'admin_not_found');
    }));
});

describe('what goes wrong inside', () => {
  test('is told by an id that stands in the log, and by nothing else', () =>
    withAdmin(
      {
        overrides: {
          ledger: {
            lag: () => Promise.reject(new Error('disk /var/secret')),
            ...noTasks,
          },
        },
      },
      async (admin) => {
        const reply = await admin.call('GET', '/admin/v1/ledger/lag');
        const { id, message } = refused(reply, 500, 'admin_internal');
        assert.equal(message, 'Something failed inside Tollgate.');
        assert.equal(reply.headers.get('x-request-id'), id);
        assert.ok(linesWith(admin, id).some((line) => line.includes('disk /var/secret')));
      },
    ));

  test('a reply that does not fit its schema is an error, not a wrong reply', () =>
    withAdmin(
      {
        overrides: {
          ledger: {
            lag: () => Promise.resolve({ records: -1, openAttempts: 0 }),
            ...noTasks,
          },
        },
      },
      async (admin) => {
        refused(await admin.call('GET', '/admin/v1/ledger/lag'), 500, 'admin_internal');
      },
    ));

  test('a failure that may be told is told with its code', () =>
    withAdmin(
      {
        overrides: {
          reports: {
            query: () => Promise.reject(new Failure('ledger_unavailable', 'The store cannot be read.')),
            records: () => Promise.reject(new Error('x')),
            request: () => Promise.reject(new Error('x')),
          },
        },
      },
      async (admin) => {
        assert.equal(
          refused(await admin.call('GET', '/admin/v1/usage'), 503, 'ledger_unavailable').message,
          'The store cannot be read.',
        );
      },
    ));
});

describe('bad input', () => {
  let admin: RunningAdmin;
  before(async () => {
    admin = await startAdmin();
  });
  after(() => admin.close());

  const post = { method: 'POST', path: '/admin/v1/subscriptions' };
  const cases: readonly {
    readonly what: string;
    readonly request: Parameters<typeof raw>[1];
    readonly status: number;
    readonly code: string;
  }[] = [
    { what: 'broken JSON', request: { ...post, headers: json, body: '{"name":' }, status: 400, code: 'admin_invalid' },
    {
      what: 'JSON that is no object',
      request: { ...post, headers: json, body: '[]' },
      status: 400,
      code: 'admin_invalid',
    },
    { what: 'null', request: { ...post, headers: json, body: 'null' }, status: 400, code: 'admin_invalid' },
    { what: 'no body', request: { ...post, headers: authorized }, status: 400, code: 'admin_invalid' },
    {
      what: 'a prototype in disguise',
      request: { ...post, headers: json, body: JSON.stringify(web).replace('{', '{"__proto__":{"polluted":true},') },
      status: 400,
      code: 'admin_invalid',
    },
    {
      what: 'another content type',
      request: { ...post, headers: { ...authorized, 'content-type': 'text/plain' }, body: JSON.stringify(web) },
      status: 400,
      code: 'admin_invalid',
    },
    {
      what: 'a body over 1 MiB',
      request: { ...post, headers: json, body: JSON.stringify({ ...web, name: 'x'.repeat(1024 * 1024) }) },
      status: 413,
      code: 'admin_too_large',
    },
    {
      what: 'a broken path',
      request: { path: '/admin/v1/%zz', headers: authorized },
      status: 400,
      code: 'admin_invalid',
    },
    {
      what: 'a path that is nowhere',
      request: { path: '/admin/v2/version', headers: authorized },
      status: 404,
      code: 'admin_not_found',
    },
    {
      what: 'a method that does not exist here',
      request: { method: 'DELETE', path: '/admin/v1/subscriptions/finance-copilot', headers: authorized },
      status: 404,
      code: 'admin_not_found',
    },
  ];
  for (const { what, request, status, code } of cases)
    test(`${what} is answered with ${status} ${code} and an id`, async () => {
      const reply = await raw(admin, request);
      assert.match(refused(reply, status, code).id, /^[0-9A-Z]{26}$/);
      assert.equal(admin.directory.current().subscriptions.size, 1);
    });

  test('an empty JSON body is no body, where none is needed', async () => {
    const reply = await raw(admin, {
      method: 'POST',
      path: '/admin/v1/subscriptions/finance-copilot/activate',
      headers: { ...json, 'content-length': '0' },
    });
    assert.equal(reply.status, 200);
  });

  test('an id in the path that is longer than any is the fault of whoever sent it', async () => {
    const path = `/admin/v1/budgets/refusals/${'a'.repeat(3000)}`;
    const reply = await raw(admin, { path, headers: authorized });
    assert.match(refused(reply, 400, 'admin_invalid').message, /longer/);
  });

  test('what is no HTTP is answered in the same words, and the connection ends', async () => {
    const socket = connect(admin.port, '127.0.0.1');
    socket.end('NOT HTTP AT ALL\r\n\r\n');
    const answer = await text(socket);
    assert.match(answer, /^HTTP\/1\.1 400 /);
    const body: unknown = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4));
    assert.equal(adminErrorSchema.parse(body).error.code, 'admin_invalid');
  });
});

describe('closing', () => {
  test('lets a request under way finish', async () => {
    const { promise: entered, resolve: enter } = Promise.withResolvers<void>();
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const admin = await startAdmin({
      overrides: {
        ledger: {
          async lag() {
            enter();
            await released;
            return answers.lag;
          },
          ...noTasks,
        },
      },
    });
    const reply = admin.call('GET', '/admin/v1/ledger/lag');
    await entered;
    const closed = admin.close();
    release();
    assert.deepEqual((await reply).body, answers.lag);
    await closed;
    await assert.rejects(admin.call('GET', '/admin/v1/version'));
  });

  test('breaks off what takes longer than the grace', async () => {
    const { promise: entered, resolve: enter } = Promise.withResolvers<void>();
    const timers: (() => void)[] = [];
    const admin = await startAdmin({
      overrides: {
        clock: {
          now: () => 0,
          monotonic: () => 0,
          after(_ms, run) {
            timers.push(run);
            return { cancel() {} };
          },
        },
        ledger: {
          lag() {
            enter();
            return new Promise<never>(() => {});
          },
          ...noTasks,
        },
      },
    });
    const reply = admin.call('GET', '/admin/v1/ledger/lag');
    await entered;
    const closed = admin.close();
    assert.equal(timers.length, 1);
    timers[0]?.();
    await assert.rejects(reply);
    await closed;
    await untilLogged(admin, /broken off/);
  });
});
