import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseListPrices } from '../../../src/accounting/cost/list-prices.ts';
import { builtInProviders } from '../../../src/compose/identity.ts';
import { createLoader, type Config } from '../../../src/config-sections.ts';
import type { ConfigLoader } from '../../../src/config/load.ts';
import { parseModelCatalogue } from '../../../src/config/model-catalogue.ts';
import { formatProblem } from '../../../src/config/problem.ts';
import { readShippedData } from '../../../src/config/shipped-data.ts';

const folder = join(import.meta.dirname, 'fixtures');

/** What every case's file may refer to. */
const environment = {
  TWIN_KEY: 'twin-key',
  LONG_KEY: 'a-key-of-the-environment-with-forty-characters',
  WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 1).toString('base64')}`,
  EMPTY: '',
  DATABASE_URL: 'postgres://tollgate:a-password@db.contoso.net/ledger?sslmode=require',
  DATABASE_URL_WITHOUT_PASSWORD: 'postgresql://tollgate@db.contoso.net:6432/ledger',
  DATABASE_URL_OF_AZURE: 'postgres://id-tollgate@tollgate.postgres.database.azure.com/tollgate?sslmode=verify-full',
  REDIS_URL_OF_AZURE: 'rediss://tollgate.westeurope.redis.azure.net:10000',
  REDIS_URL: 'rediss://tollgate:a-password@redis.contoso.net:6380/2',
  REDIS_URL_WITHOUT_PASSWORD: 'redis://redis.contoso.net:6379',
  BROKEN_REDIS_URL: 'https://redis.contoso.net',
  BROKEN_DATABASE_URL: 'postgres://a-password@/?sslmode=maybe&target=1',
};

/** The loader as the gateway builds it, with the shipped facts. */
export function realLoader(): ConfigLoader<Config> {
  const { zones } = parseListPrices(readShippedData('prices.json'));
  const catalogue = parseModelCatalogue(readShippedData('models.json'));
  return createLoader({ catalogue, zones, tokenProviders: builtInProviders });
}

export interface ConfigCase {
  readonly name: string;
  /** What the file of the case loads to, as text. */
  readonly actual: string;
  readonly expectedFile: string;
}

export function configCases(): readonly ConfigCase[] {
  const loader = realLoader();
  return globSync('*.yaml', { cwd: folder })
    .toSorted()
    .map((name) => {
      const path = join(folder, name);
      const result = loader.load(path, environment);
      const lines = (result.ok ? result.loaded.warnings : result.problems).map(formatProblem);
      const config = result.ok ? `${JSON.stringify(result.loaded.config, null, 2)}\n` : '';
      // Paths of this machine are no part of what is expected.
      const text = lines.map((line) => `${line.replaceAll(folder, '').replaceAll(`/${name}:`, `${name}:`)}\n`).join('');
      return { name, actual: text + config, expectedFile: path.replace(/yaml$/, 'expected.txt') };
    });
}

/** Writes what the cases load to now; the difference is what a reviewer reads. */
export function updateConfigCases(): readonly string[] {
  return configCases().map(({ actual, expectedFile }) => {
    writeFileSync(expectedFile, actual);
    return basename(expectedFile);
  });
}

export function expectedOf(one: ConfigCase): string {
  return readFileSync(one.expectedFile, 'utf8');
}
