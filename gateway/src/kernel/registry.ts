/** Builds a name -> item map and fails at start-up, not at request time, on a duplicate. */
export function registryOf<Item extends { readonly name: string }>(
  kind: string,
  items: readonly Item[],
): ReadonlyMap<string, Item> {
  const byName = new Map<string, Item>();
  for (const item of items) {
    if (byName.has(item.name)) throw new Error(`Two ${kind} are named '${item.name}'.`);
    byName.set(item.name, item);
  }
  return byName;
}
