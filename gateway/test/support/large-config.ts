import { keyOf } from './running-gateway.ts';

export interface LargeConfig {
  readonly text: string;
  /** What it refers to. */
  readonly environment: Readonly<Record<string, string>>;
}

/** A configuration of an organisation with so many cost centres in a tree of three levels; every second has a budget. */
export function largeConfig(
  twin: string,
  { costCentres, subscriptions }: { readonly costCentres: number; readonly subscriptions: number },
): LargeConfig {
  const environment: Record<string, string> = { TEST_TWIN_KEY: 'twin-key-of-the-test' };
  const lines = ['organisation: contoso', 'ledger: { durability: process }', 'costCentres:'];
  for (let index = 0; index < costCentres; index += 1) {
    lines.push(`  cost-centre-${index}:`, `    name: Cost centre ${index}`);
    const step = index % 100 === 0 ? 0 : 10;
    if (index % 10 !== 0) lines.push(`    parent: cost-centre-${index - (index % 10)}`);
    else if (step !== 0) lines.push(`    parent: cost-centre-${index - (index % 100)}`);
    if (index % 2 === 1) lines.push('    budget: { every: month, amount: 1000 USD }');
  }
  lines.push('products:', '  standard: { models: [gpt-5.4-mini], unpriced: allow-and-flag }', 'subscriptions:');
  for (let index = 0; index < subscriptions; index += 1) {
    environment[`TEST_KEY_${index}`] = keyOf(`key-${index}`);
    lines.push(
      `  subscription-${index}:`,
      '    product: standard',
      `    consumer: team-${index}`,
      `    costCentre: cost-centre-${Math.floor((index * costCentres) / subscriptions)}`,
      `    keys: { primary: '\${TEST_KEY_${index}}' }`,
    );
  }
  lines.push(
    'endpoints:',
    `  weu: { resource: '${twin}/contoso-weu', region: westeurope, deployment: gpt-5.4-mini, model: gpt-5.4-mini, type: GlobalStandard, auth: { key: '\${TEST_TWIN_KEY}' } }`,
    'models:',
    '  gpt-5.4-mini: { tiers: [[weu]] }',
  );
  return { text: `${lines.join('\n')}\n`, environment };
}
