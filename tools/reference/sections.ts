// The sections of the configuration as the gateway has them, with the shipped facts.
import { parseListPrices } from '../../gateway/src/accounting/cost/list-prices.ts';
import { configSections } from '../../gateway/src/config-sections.ts';
import { parseModelCatalogue } from '../../gateway/src/config/model-catalogue.ts';
import { readShippedData } from '../../gateway/src/config/shipped-data.ts';
import type { ConfigSection } from '../../gateway/src/kernel/config-section.ts';

export function shippedSections(): readonly ConfigSection[] {
  const { zones } = parseListPrices(readShippedData('prices.json'));
  const catalogue = parseModelCatalogue(readShippedData('models.json'));
  return configSections({ catalogue, zones, tokenProviders: [] });
}

/** As much of JSON Schema as the generated schemas use. */
export interface Schema {
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly propertyNames?: Schema;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
}
