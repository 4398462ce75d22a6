/** Text that is HTML already. Only `html` makes it, so that everything else is escaped. */
export interface Html {
  readonly html: string;
}

type Part = Html | string | bigint | number | null | readonly Part[];

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  // What no text of people holds and no browser shows; the rest of the page must not depend on it.
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? '').replaceAll(/[\p{Cc}\p{Cs}]/gu, '�');
}

function textOf(part: Part): string {
  if (part === null) return '';
  if (typeof part === 'string') return escaped(part);
  if (typeof part === 'bigint' || typeof part === 'number') return String(part);
  return 'html' in part ? part.html : part.map(textOf).join('');
}

/** HTML with values put in: texts are escaped, lists are joined, null is nothing. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return { html: strings.reduce((text, string, index) => `${text}${textOf(parts[index - 1] ?? null)}${string}`) };
}
