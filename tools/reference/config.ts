// docs/reference/config.md: every setting, from the schemas that check it.
import { configJsonSchema } from '../../gateway/src/config/json-schema.ts';
import { shippedSections, type Schema } from './sections.ts';

const introduction = `# Configuration

<!-- Generated from the \`config.ts\` of each module of the gateway. Do not edit. -->

One YAML file holds everything: [\`examples/demo.yaml\`](../../examples/demo.yaml) is one to start from. Editors that know
the YAML language server complete and check it when its first line is

\`\`\`yaml
# yaml-language-server: $schema=../docs/reference/tollgate.schema.json
\`\`\`

with the path from the file to [\`tollgate.schema.json\`](tollgate.schema.json).

- **Mistakes** are reported all at once, each with file, line, column and what to do. Unknown settings are mistakes.
- **Reload**: the file is followed while the gateway runs. A request keeps the configuration that it started with; a file
  with a mistake changes nothing and is reported (\`GET /admin/v1/config\`). The addresses, ports and limits of
  \`listen\` other than \`maxBodyBytes\`, and \`ledger\`, take effect at the next start.
- **Elsewhere**: the same document can come from [Azure App Configuration](../azure/services.md#app-configuration), key by key.
- **References**: \`\${NAME}\` in any text is the environment variable; \`\${NAME:-default}\` has a default for one that is
  not set or empty; \`$\${\` is a literal \`\${\`.
- **Secrets** never stand in the file: \`"\${NAME}"\`, \`{ file: path }\` relative to the configuration file, or
  \`{ keyVault: https://name.vault.azure.net/secrets/name }\` ([how](../azure/services.md#key-vault)). Wherever
  the configuration is shown they are \`***\`.
- **Durations** have a unit (\`500ms\`, \`120s\`, \`2m\`, \`1h\`, \`7d\`), sizes too (\`256KiB\`, \`16MiB\`, \`1GB\`). Whole
  numbers may have underscores (\`60_000\`).
- **Names** of your own (products, subscriptions, consumers, cost centres) are lower-case letters, digits and dashes, at
  most 64 characters; those of models, endpoints and deployments may also have capitals, dots and underscores.
`;

/** The whole page. */
export function generateConfigReference(): string {
  const sections = shippedSections();
  const schema: Schema = configJsonSchema(sections);
  const texts = sections.map((section) => {
    const keys = Object.keys(section.keys).map((key) => keyText(key, schema));
    return [`## ${section.name}`, section.summary, ...keys].join('\n\n');
  });
  return `${[introduction.trimEnd(), ...texts].join('\n\n')}\n`;
}

function keyText(key: string, root: Schema): string {
  const schema = root.properties?.[key] ?? {};
  const required = root.required?.includes(key) === true;
  const lead = `### \`${key}\`\n\n${schema.description ?? ''}`;
  const rows = rowsOf({ path: key, schema, required });
  const [own, ...inner] = rows;
  if (inner.length === 0) return `${lead}\n\n${ownText(own)}`;
  const table = [
    '| setting | type | default | |',
    '|---|---|---|---|',
    ...inner.map((row) => `| \`${row.path}\` | ${row.type} | ${row.default} | ${row.text} |`),
  ].join('\n');
  return `${lead}\n\n${table}`;
}

function ownText(row: Row | undefined): string {
  if (row === undefined) return '';
  if (row.default === 'required') return `Type: ${row.type}. Required.`;
  return row.default === '' ? `Type: ${row.type}.` : `Type: ${row.type}. Default: ${row.default}.`;
}

interface Row {
  readonly path: string;
  readonly type: string;
  readonly default: string;
  readonly text: string;
}

interface At {
  readonly path: string;
  readonly schema: Schema;
  readonly required: boolean;
}

/** The value itself, then everything in it. */
function rowsOf(at: At): readonly Row[] {
  const { path, schema, required } = at;
  const own: Row = {
    path,
    type: cell(typeWords(schema)),
    default: required ? 'required' : defaultWords(schema),
    text: cell(schema.description ?? ''),
  };
  return [own, ...innerRows(path, schema)];
}

function innerRows(path: string, schema: Schema): readonly Row[] {
  if (schema.title !== undefined) return [];
  const maps = (schema.anyOf ?? []).filter((one) => one.properties !== undefined);
  const alternatives = maps.flatMap((one) => innerRows(path, maps.length > 1 ? { ...one, required: [] } : one));
  const properties = Object.entries(schema.properties ?? {}).flatMap(([name, inner]) =>
    rowsOf({ path: `${path}.${name}`, schema: inner, required: schema.required?.includes(name) === true }),
  );
  const items = schema.items === undefined ? [] : innerRows(`${path}[]`, schema.items);
  const any = schema.additionalProperties;
  const named = typeof any === 'object' ? innerRows(`${path}.<name>`, any) : [];
  const lists = (schema.anyOf ?? []).filter((one) => one.items !== undefined).flatMap((one) => innerRows(path, one));
  return [...alternatives, ...lists, ...properties, ...items, ...named];
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

function typeWords(schema: Schema): string {
  if (schema.enum !== undefined) return schema.enum.map((one) => `\`${one}\``).join(', ');
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.title === 'whole number') return `whole number${range(schema)}`;
  if (schema.title !== undefined) return schema.title;
  if (schema.anyOf !== undefined) return [...new Set(schema.anyOf.map(typeWords))].join(' or ');
  if (schema.items !== undefined) return `list of ${typeWords(schema.items)}`;
  if (typeof schema.additionalProperties === 'object') return mapWords(schema, schema.additionalProperties);
  return (
    { string: 'text', boolean: '`true`, `false`', object: 'map', integer: 'whole number' }[schema.type ?? ''] ?? 'any'
  );
}

function mapWords(schema: Schema, values: Schema): string {
  const names = schema.propertyNames?.enum?.map((one) => `\`${one}\``).join(', ');
  if (names !== undefined) return `map of ${names} to ${typeWords(values)}`;
  return values.properties === undefined ? `map to ${typeWords(values)}` : 'map by name';
}

function range(schema: Schema): string {
  const limits = schema.anyOf?.find((one) => one.type === 'integer');
  if (limits?.minimum === undefined) return '';
  const { maximum } = limits;
  return maximum === undefined || maximum === Number.MAX_SAFE_INTEGER
    ? ` of at least ${limits.minimum}`
    : ` from ${limits.minimum} to ${maximum}`;
}

function defaultWords(schema: Schema): string {
  const value = schema.default;
  if (value === undefined) return '';
  const isEmpty = typeof value === 'object' && value !== null && Object.keys(value).length === 0;
  if (isEmpty) return schema.properties === undefined ? 'none' : '';
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}
