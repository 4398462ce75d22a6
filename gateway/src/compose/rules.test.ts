import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { checkConfiguration } from './gateway.ts';

const configuration = `organisation: contoso
products:
  careful:
    models: [priced, unknown, both, provisioned]
  careless: { models: [unknown], unpriced: allow-and-flag }
endpoints:
  mini: { resource: https://contoso.openai.azure.com, region: westeurope, deployment: a, model: gpt-5.4-mini, type: GlobalStandard, auth: { key: "\${KEY}" } }
  new: { resource: https://contoso.openai.azure.com, region: westeurope, deployment: b, model: gpt-99, type: GlobalStandard, auth: { key: "\${KEY}" } }
  regional: { resource: https://contoso.openai.azure.com, region: westeurope, deployment: c, model: gpt-5.4-mini, type: Standard, auth: { key: "\${KEY}" } }
  hourly: { resource: https://contoso.openai.azure.com, region: westeurope, deployment: d, model: gpt-5.4-mini, type: GlobalProvisionedManaged, auth: { key: "\${KEY}" } }
models:
  priced: { tiers: [[mini]] }
  unknown: { tiers: [[new]] }
  both: { tiers: [[mini], [regional]] }
  provisioned: { tiers: [[hourly]] }
`;

interface Given {
  readonly priceFile?: string;
  readonly dataShared?: true;
  /** Of the server of the shared counters. */
  readonly url?: string;
}

/** What a check of the configuration says, the folder left out. */
function checked(
  context: TestContext,
  text: string,
  { priceFile, url = 'redis://127.0.0.1:6379', ...also }: Given = {},
): { readonly ok: boolean; readonly problems: readonly string[] } {
  const folder = mkdtempSync(path.join(tmpdir(), 'tollgate-rules-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const [configFile, dataFolder] = [path.join(folder, 'tollgate.yaml'), path.join(folder, 'data')];
  writeFileSync(configFile, text);
  mkdirSync(dataFolder);
  if (priceFile !== undefined) writeFileSync(path.join(dataFolder, 'list-prices.json'), priceFile);
  const environment = { KEY: 'k', URL: url, SIGNING: 'a-signing-key-of-the-test-0123456789' };
  const settings = { configFile, dataFolder, port: 0, adminPort: 0, checkOnly: true, environment, ...also };
  const { ok, problems } = checkConfiguration(settings);
  return { ok, problems: problems.map((one) => one.replaceAll(`${folder}/`, '')) };
}

const price = (model: string, type: string): string =>
  `  - { model: ${model}, type: ${type}, effectiveFrom: 2026-01-01, usdPerMillion: { input: 1, cachedInput: 0.1, output: 2 } }\n`;

const refusals = (problems: readonly string[]): readonly string[] =>
  problems.filter((one) => one.includes('are refused'));

const told = (problems: readonly string[]): readonly string[] => problems.filter((one) => one.includes('sign ids'));

suite('gateways that share counters', () => {
  const shared = `counters: { redis: { url: "\${URL}" } }\n`;
  const keys = `routing: { affinity: { keys: ["\${SIGNING}"] } }\n`;

  test('are told of a % in the URL of their server that stands by itself, and see nothing of the password', (context) => {
    const { ok, problems } = checked(context, `${configuration}${shared}`, { url: 'redis://u:50%off@127.0.0.1:6379' });
    assert.equal(ok, false);
    const [first = '', ...others] = problems.filter((one) => one.includes('counters.redis.url'));
    assert.match(first, /in its user or password a % stands by itself.*Write %25 for a %/);
    assert.deepEqual(others, []);
    assert.doesNotMatch(problems.join('\n'), /50%off/);
  });

  test('are warned where each would sign ids with a key of its own', (context) => {
    const { ok, problems } = checked(context, `${configuration}${shared}`);
    assert.equal(ok, true);
    assert.equal(told(problems).length, 1);
    assert.match(
      told(problems)[0] ?? '',
      /^tollgate\.yaml:\d+:11 warning: counters: .*`routing\.affinity\.keys`, or one data folder/,
    );
    for (const text of [configuration, `${configuration}${shared}${keys}`])
      assert.deepEqual(told(checked(context, text).problems), []);
  });

  test('are not, where they share the data folder that the key is made in', (context) => {
    const { problems } = checked(context, `${configuration}${shared}`, { dataShared: true });
    assert.deepEqual(told(problems), []);
  });
});

suite('a model without a price', () => {
  test('is told at its place in each product that refuses it, with what to do', (context) => {
    const { ok, problems } = checked(context, configuration);
    assert.equal(ok, true, 'it is no reason not to start');
    assert.deepEqual(refusals(problems), [
      "tollgate.yaml:4:22 warning: products.careful.models[1]: calls to 'unknown' are refused, because there is no price for 'new' (input, output). Add one under `prices`, run `tollgate prices sync`, or set `unpriced: allow-and-flag` for the product.",
      "tollgate.yaml:4:31 warning: products.careful.models[2]: calls to 'both' are refused, because there is no price for 'regional' (input, cachedInput, output). Add one under `prices`, run `tollgate prices sync`, or set `unpriced: allow-and-flag` for the product.",
    ]);
  });

  test('is no matter once the configuration has a price', (context) => {
    const { problems } = checked(
      context,
      `${configuration}prices:\n${price('gpt-99', 'GlobalStandard')}${price('gpt-5.4-mini', 'Standard')}`,
    );
    assert.deepEqual(refusals(problems), []);
  });
});

test('a price file that cannot be used is told beside what is wrong with the configuration', (context) => {
  const halved = '{\n  "sources": { "a": "b" },\n  "prices": [\n    {"model": "gpt-5.4-mini", "ty';
  const { ok, problems } = checked(context, configuration, { priceFile: halved });
  assert.equal(ok, false);
  assert.match(problems[0] ?? '', /^data\/list-prices\.json:4:\d+ /);
  assert.ok(problems.some((one) => one.includes("'gpt-99' is not in the shipped list")));
});

const priceLine = (rest: string): string => `  - { type: GlobalStandard, usdPerMillion: { input: 1 }, ${rest} }\n`;

test('prices and rates for names that nothing has are told, with the name that was meant', (context) => {
  const { ok, problems } = checked(
    context,
    `${configuration}prices:
${priceLine('model: gpt-5.4-mni, effectiveFrom: 2026-01-01')}\
${priceLine('model: gpt-99, effectiveFrom: 2026-01-01')}\
${priceLine('model: gpt-35-turbo, effectiveFrom: 2025-01-01, effectiveTo: 2026-01-01')}\
${priceLine('model: gpt-5.4-mini-2026-03-17, resolveBy: reportedModel, effectiveFrom: 2026-01-01')}\
internalRates:
  - { effectiveFrom: 2026-01-01, margin: 5%, product: carefull }
  - { effectiveFrom: 2026-01-01, margin: 6%, product: careful }
  - { effectiveFrom: 2026-01-01, margin: 7%, model: gpt-5.4-minni }
`,
  );
  assert.equal(ok, true);
  assert.deepEqual(
    problems.filter((one) => /: (prices|internalRates)\[/.test(one)),
    [
      "tollgate.yaml:17:65 warning: prices[0].model: no endpoint has the model 'gpt-5.4-mni', and it is not in the shipped list of models. Did you mean 'gpt-5.4-mini'?",
      "tollgate.yaml:22:55 warning: internalRates[0].product: no product of this file is called 'carefull': the rate holds only for one that is made over the admin API. Did you mean 'careful'?",
      "tollgate.yaml:24:53 warning: internalRates[2].model: no endpoint has the model 'gpt-5.4-minni', and it is not in the shipped list of models. Did you mean 'gpt-5.4-mini'?",
    ],
  );
});
