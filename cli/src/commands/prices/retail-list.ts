import type { RetailItem } from '@tollgate/contract/admin-api/prices.ts';
import type { RetailPage } from './retail-page.ts';

/** Gathers pages; items that differ only in region and meter id become one. */
export class RetailList {
  readonly #items = new Map<string, RetailItem>();
  #read = 0;

  add(page: RetailPage): void {
    for (const item of page.Items) this.#add(item);
    this.#read += page.Items.length;
  }

  /** How many items the pages had. */
  get read(): number {
    return this.#read;
  }

  items(): RetailItem[] {
    return [...this.#items.values()];
  }

  #add({ armRegionName, meterId, effectiveEndDate, ...item }: RetailPage['Items'][number]): void {
    const end = effectiveEndDate ?? undefined;
    const region = armRegionName ?? '';
    // Two ids for one region would hide each other: they are kept apart by a number.
    for (let twin = 0; ; twin += 1) {
      const key = JSON.stringify([twin, item, end]);
      const known = this.#items.get(key);
      if (known === undefined) {
        const ended = end === undefined ? {} : { effectiveEndDate: end };
        this.#items.set(key, { ...item, ...ended, regions: { [region]: meterId ?? '' } });
        return;
      }
      if (known.regions[region] === undefined) {
        known.regions[region] = meterId ?? '';
        return;
      }
      if (known.regions[region] === (meterId ?? '')) return;
    }
  }
}
