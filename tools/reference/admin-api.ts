// docs/reference/admin-api.md, from the OpenAPI document that the gateway serves.
import { createAdminServer } from '../../gateway/src/admin/server.ts';
import { systemClock } from '../../gateway/src/kernel/clock.ts';
import { isJsonObject, parseJsonObject, type JsonObject } from '../../gateway/src/kernel/json.ts';
import { silentLog } from '../../gateway/src/kernel/log.ts';

const introduction = `# Admin API

<!-- Generated from the schemas in contract/src/admin-api and the routes in gateway/src/admin. Do not edit. -->

Served on its own port (8081 by default), on a loopback address unless the configuration names another. The running
gateway serves this as an OpenAPI 3.1 document too: \`GET /openapi.json\`.

Everything under \`/admin/v1/\` needs the admin token, which is made on first start and kept in \`admin-token\` in the data
folder, readable by its owner alone:

\`\`\`sh
curl -H "Authorization: Bearer $(cat .tollgate/admin-token)" http://127.0.0.1:8081/admin/v1/subscriptions
\`\`\`

Bodies are JSON. Every reply has an \`x-request-id\`; every error carries it as \`error.id\` and has the shape of
[AdminError](#adminerror). The codes stand in [errors.md](errors.md). Beside the replies listed below, any request may be
answered with \`admin_wrong_host\` (421) where the listener has a loopback address and the \`host\` header names something
else, and with \`admin_too_large\` (413) where its body exceeds 1 MiB.
`;

/** The whole page. Needs no gateway: routes are described, none is called. */
export async function generateAdminReference(): Promise<string> {
  const document = await openApiDocument();
  const operations = operationsOf(document);
  const tags = listOf(document['tags']);
  const sections = tags.map((tag) => {
    const own = operations.filter((one) => one.tag === tag['name']);
    return [`## ${textOf(tag['name'])}`, textOf(tag['description']), ...own.map(operationText)].join('\n\n');
  });
  const schemas = Object.entries(objectAt(objectAt(document, 'components'), 'schemas')).toSorted(([a], [b]) =>
    a < b ? -1 : 1,
  );
  const schemaTexts = schemas.map(([name, schema]) => `### ${name}\n\n${propertyTable(asObject(schema))}`);
  return `${[introduction, ...sections, '## Schemas', ...schemaTexts].join('\n\n').replaceAll(/\n{3,}/g, '\n\n')}\n`;
}

const notCalled = (): never => {
  throw new Error('The reference is made without a gateway; nothing is called.');
};

async function openApiDocument(): Promise<JsonObject> {
  const server = await createAdminServer({
    token: 'none',
    directory: {
      problems: notCalled,
      products: notCalled,
      subscriptions: notCalled,
      subscription: notCalled,
      createProduct: notCalled,
      createSubscription: notCalled,
      regenerateKey: notCalled,
      suspend: notCalled,
      activate: notCalled,
      auditTrail: notCalled,
      note: notCalled,
    },
    reports: { query: notCalled, records: notCalled, request: notCalled },
    exports: { make: notCalled, key: notCalled, signature: notCalled },
    ledger: { lag: notCalled, verify: notCalled, backup: notCalled, reship: notCalled, workProgress: notCalled },
    deployments: { list: notCalled, override: notCalled, reset: notCalled },
    routes: { trace: notCalled, explain: notCalled },
    batches: { list: notCalled, writeOff: notCalled },
    adjustments: {
      held: notCalled,
      writeOff: notCalled,
      rerate: notCalled,
      breakEven: notCalled,
      allocateAnew: notCalled,
    },
    budgets: {
      list: notCalled,
      simulate: notCalled,
      refusals: notCalled,
      events: notCalled,
      topUps: notCalled,
      topUp: notCalled,
      revokeTopUp: notCalled,
      limits: notCalled,
      changeLimits: notCalled,
    },
    counters: { list: notCalled, writeOff: notCalled },
    prices: notCalled,
    priceSync: { query: { apiVersion: '', filter: '' }, sync: notCalled },
    configInForce: notCalled,
    reloadConfig: notCalled,
    metricsText: notCalled,
    readiness: notCalled,
    version: { name: 'tollgate', version: '', node: '', startedAt: '' },
    clock: systemClock,
    newId: notCalled,
    log: silentLog,
  });
  try {
    const document = parseJsonObject(JSON.stringify(server.openApi()));
    if (document === undefined) throw new Error('The OpenAPI document is no JSON object.');
    return document;
  } finally {
    await server.close();
  }
}

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly tag: string;
  readonly node: JsonObject;
}

function operationsOf(document: JsonObject): readonly Operation[] {
  return Object.entries(objectAt(document, 'paths')).flatMap(([path, methods]) =>
    Object.entries(asObject(methods)).map(([method, value]) => {
      const node = asObject(value);
      const [tag] = Array.isArray(node['tags']) ? node['tags'] : [];
      return { method: method.toUpperCase(), path, tag: textOf(tag), node };
    }),
  );
}

function operationText({ method, path, node }: Operation): string {
  const parameters = listOf(node['parameters']);
  const body = node['requestBody'] === undefined ? undefined : schemaOf(objectAt(node, 'requestBody'));
  const replies = Object.entries(objectAt(node, 'responses')).map(
    ([status, reply]) => `| ${status} | ${replyType(asObject(reply))} | ${cell(asObject(reply)['description'])} |`,
  );
  return [
    `### \`${method} ${path}\``,
    `${textOf(node['summary'])}.${node['description'] === undefined ? '' : ` ${textOf(node['description'])}`}`,
    ...(parameters.length === 0 ? [] : [parameterTable(parameters)]),
    ...(body === undefined ? [] : ['The body:', propertyTable(body)]),
    ['| reply | body | |', '|---|---|---|', ...replies].join('\n'),
  ].join('\n\n');
}

function parameterTable(parameters: readonly JsonObject[]): string {
  const rows = parameters.map((one) => {
    const schema = objectAt(one, 'schema');
    const fallback = schema['default'] === undefined ? '' : `; default \`${textOf(schema['default'])}\``;
    return `| \`${textOf(one['name'])}\` | ${textOf(one['in'])} | ${typeOf(schema)}${fallback} | ${cell(one['description'])} |`;
  });
  return ['| parameter | in | type | |', '|---|---|---|---|', ...rows].join('\n');
}

/** One row per property; those of objects inside follow with their path. */
function propertyTable(schema: JsonObject): string {
  return ['| field | type | |', '|---|---|---|', ...propertyRows(schema, '')].join('\n');
}

function propertyRows(schema: JsonObject, prefix: string): readonly string[] {
  const required = new Set(Array.isArray(schema['required']) ? schema['required'] : []);
  return Object.entries(asObject(schema['properties'] ?? {})).flatMap(([name, value]) => {
    const property = asObject(value);
    const optional = required.has(name) ? '' : ', optional';
    const row = `| \`${prefix}${name}\` | ${typeOf(property)}${optional} | ${cell(property['description'])} |`;
    return [row, ...insideOf(property).flatMap(({ mark, node }) => propertyRows(node, `${prefix}${name}${mark}.`))];
  });
}

/** The objects that a property's value holds, without those that have a name of their own. */
function insideOf(property: JsonObject): readonly { readonly mark: string; readonly node: JsonObject }[] {
  if (property['properties'] !== undefined) return [{ mark: '', node: property }];
  if (property['items'] !== undefined)
    return insideOf(asObject(property['items'])).map(({ mark, node }) => ({ mark: `[]${mark}`, node }));
  return listOf(property['anyOf']).flatMap(insideOf);
}

function typeOf(schema: JsonObject): string {
  const reference = schema['$ref'];
  if (typeof reference === 'string') {
    const name = reference.split('/').at(-1) ?? '';
    return `[${name}](#${name.toLowerCase()})`;
  }
  if (schema['const'] !== undefined) return `\`${textOf(schema['const'])}\``;
  if (Array.isArray(schema['enum'])) return schema['enum'].map((one) => `\`${textOf(one)}\``).join(' \\| ');
  if (schema['anyOf'] !== undefined) return listOf(schema['anyOf']).map(typeOf).join(' or ');
  if (schema['type'] === 'array') return `array of ${typeOf(asObject(schema['items'] ?? {}))}`;
  if (Array.isArray(schema['type'])) return schema['type'].map(textOf).join(' or ');
  if (schema['format'] === 'date-time') return 'date-time';
  return schema['type'] === undefined ? 'anything' : textOf(schema['type']);
}

function replyType(reply: JsonObject): string {
  const [contentType, media] = Object.entries(asObject(reply['content'] ?? {}))[0] ?? [];
  if (contentType === undefined) return '';
  return contentType === 'application/json' ? typeOf(objectAt(asObject(media), 'schema')) : `\`${contentType}\``;
}

function schemaOf(body: JsonObject): JsonObject {
  return objectAt(objectAt(objectAt(body, 'content'), 'application/json'), 'schema');
}

function asObject(value: unknown): JsonObject {
  if (!isJsonObject(value)) throw new Error('The OpenAPI document is not built as expected.');
  return value;
}

function objectAt(node: JsonObject, member: string): JsonObject {
  return asObject(node[member]);
}

function listOf(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.map(asObject) : [];
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Text inside a table. */
function cell(value: unknown): string {
  return value === undefined ? '' : textOf(value).replaceAll('|', '\\|').replaceAll('\n', ' ');
}
