import { suggestion } from '#kernel/suggest.ts';

/** The parameters of a question as they came: a text or number, or several where one was given more than once. */
export type Asked = Readonly<Record<string, unknown>>;

const textOf = (value: unknown): readonly string[] =>
  typeof value === 'string' || typeof value === 'number' ? [String(value)] : [];

/** Reads parameters one by one, and remembers everything that is wrong with any of them. */
export class AskedReader {
  readonly problems: string[] = [];
  readonly #asked: Asked;

  constructor(asked: Asked, known: readonly string[]) {
    this.#asked = asked;
    for (const name of Object.keys(asked))
      if (!known.includes(name))
        this.problem(name, `there is no such parameter. ${suggestion(name, known) ?? ''}`.trim());
  }

  problem(name: string, what: string): void {
    this.problems.push(`${name}: ${what}`);
  }

  /** Every text of a parameter that may be given more than once. */
  texts(name: string): readonly string[] {
    const value = this.#asked[name];
    const all: readonly unknown[] = Array.isArray(value) ? value : [value];
    return all.flatMap(textOf);
  }

  text(name: string): string | undefined {
    const [first, ...others] = this.texts(name);
    if (others.length > 0) this.problem(name, 'it is given more than once.');
    return first;
  }

  /** Undefined where it is absent or none of the words. */
  word<Word extends string>(name: string, words: readonly Word[]): Word | undefined {
    const text = this.text(name);
    return text === undefined ? undefined : this.wordOf(name, text, words);
  }

  wordOf<Word extends string>(name: string, text: string, words: readonly Word[]): Word | undefined {
    const found = words.find((one) => one === text);
    if (found === undefined) this.problem(name, unknownName(text, words));
    return found;
  }

  whole(name: string, limits: { readonly least: number; readonly most: number }): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = /^\d{1,9}$/.test(text) ? Number(text) : undefined;
    if (value !== undefined && value >= limits.least && value <= limits.most) return value;
    this.problem(name, `expected a whole number from ${limits.least} to ${limits.most}, not '${shown(text)}'.`);
    return undefined;
  }
}

/** Not more of a strange text than fits a line. */
export const shown = (text: string): string => (text.length > 80 ? `${text.slice(0, 80)}…` : text);

export function unknownName(text: string, known: readonly string[]): string {
  return `'${shown(text)}' is not known. ${suggestion(text, known) ?? ''}`.trim();
}
