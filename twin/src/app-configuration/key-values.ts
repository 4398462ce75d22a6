import { createHash } from 'node:crypto';
import { z } from 'zod';

export const keyValueSchema = z.strictObject({
  key: z.string().min(1),
  label: z.string().nullable().default(null),
  value: z.string().default(''),
  contentType: z.string().default(''),
  tags: z.record(z.string(), z.string()).default({}),
});
export type KeyValueInput = z.input<typeof keyValueSchema>;

export interface KeyValue extends z.output<typeof keyValueSchema> {
  readonly etag: string;
  /** UTC ms. */
  readonly changedAt: number;
}

/** Key, value and attributes together: what the service takes of one. */
const mostBytes = 10 * 1024;

const idOf = (key: string, label: string | null): string => `${key}\0${label ?? ''}`;

/** The key values of a store, each by its key and label. */
export class KeyValues {
  readonly #values = new Map<string, KeyValue>();
  /** Grows with every change. */
  #changes = 0;

  get changes(): number {
    return this.#changes;
  }

  find(key: string, label: string | null): KeyValue | undefined {
    return this.#values.get(idOf(key, label));
  }

  /** Undefined where it is larger than the service takes. */
  put(given: KeyValueInput, now: number): KeyValue | undefined {
    const content = keyValueSchema.parse(given);
    if (Buffer.byteLength(JSON.stringify(content)) > mostBytes) return undefined;
    this.#changes += 1;
    // Another one with every write, also of the same value, as the service's is.
    const etag = createHash('sha256').update(`${this.#changes}`).digest('base64url').slice(0, 43);
    const value = { ...content, etag, changedAt: now };
    this.#values.set(idOf(content.key, content.label), value);
    return value;
  }

  delete(key: string, label: string | null): KeyValue | undefined {
    const found = this.find(key, label);
    if (found !== undefined) {
      this.#changes += 1;
      this.#values.delete(idOf(key, label));
    }
    return found;
  }

  clear(): void {
    this.#values.clear();
  }

  /** Those that fit both filters, by key and label. */
  list(filters: { readonly key: string | null; readonly label: string | null }): readonly KeyValue[] {
    const fitsKey = filterOf(filters.key ?? '*');
    const fitsLabel = filterOf(filters.label ?? '*');
    return [...this.#values.values()]
      .filter(({ key, label }) => fitsKey(key) && fitsLabel(label ?? '\0'))
      .toSorted((a, b) => (idOf(a.key, a.label) < idOf(b.key, b.label) ? -1 : 1));
  }
}

/** `*`, `begin*`, `one,other`, with `\` before what is meant as it stands. No label is `\0`. */
function filterOf(filter: string): (text: string) => boolean {
  const alternatives = filter.match(/(?:\\.|[^,\\])+/gs) ?? [''];
  const tests = alternatives.map((one) => {
    const isPrefix = /(?<!\\)(?:\\\\)*\*$/.test(one);
    const text = (isPrefix ? one.slice(0, -1) : one).replaceAll(/\\(.)/gs, (_whole, character: string) =>
      character === '0' ? '\0' : character,
    );
    return (given: string): boolean => (isPrefix ? given.startsWith(text) : given === text);
  });
  return (given) => tests.some((fits) => fits(given));
}
