import { readFileSync } from 'node:fs';

/** The facts that are shipped with the gateway: `gateway/data/`. */
export function readShippedData(name: 'models.json' | 'prices.json' | 'retail-meters.json'): string {
  return readFileSync(new URL(`../../data/${name}`, import.meta.url), 'utf8');
}
