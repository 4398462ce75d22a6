/** A number goes into a file as its digits; a text is quoted where it must be; null is an empty cell. */
export type CsvCell = string | bigint | number | boolean | null | { readonly number: string };

/**
 * Spreadsheets take a text that begins like this for a formula, and run it. An apostrophe in front makes it a text.
 * Source: OWASP, "CSV Injection".
 */
const formulaStart = /^[=+\-@\t\r]/;

function cellText(value: CsvCell): string {
  if (value === null) return '';
  if (typeof value === 'object') return value.number;
  if (typeof value !== 'string') return String(value);
  const text = formulaStart.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** One line of a file as RFC 4180 has it: comma, CRLF, quotes where they are needed. */
export function csvLine(cells: readonly CsvCell[]): string {
  return `${cells.map(cellText).join(',')}\r\n`;
}

export interface CsvRow {
  /** The line on which the row begins, from 1. */
  readonly line: number;
  readonly cells: readonly string[];
}

/** Reads CSV piece by piece: a file of any size, a row at a time. */
export interface CsvReader {
  /** The rows that end in this piece. */
  push(text: string): readonly CsvRow[];
  /** What stands after the last line's end, and whether a quote was never closed. */
  end(): { readonly rows: readonly CsvRow[]; readonly unclosedQuote: boolean };
}

type State = 'start' | 'plain' | 'quoted' | 'quote-in-quoted';

class Reader implements CsvReader {
  #state: State = 'start';
  #cell = '';
  #cells: string[] = [];
  #line = 1;
  #rowLine = 1;
  #rows: CsvRow[] = [];
  #sawReturn = false;

  push(text: string): readonly CsvRow[] {
    this.#rows = [];
    for (const character of text) this.#take(character);
    return this.#rows;
  }

  end(): { readonly rows: readonly CsvRow[]; readonly unclosedQuote: boolean } {
    this.#rows = [];
    const unclosedQuote = this.#state === 'quoted';
    if (this.#cells.length > 0 || this.#cell !== '' || this.#state !== 'start') this.#endRow();
    return { rows: this.#rows, unclosedQuote };
  }

  #take(character: string): void {
    const afterReturn = this.#sawReturn;
    this.#sawReturn = false;
    if (character === '\n') this.#line += 1;
    if (this.#state === 'quoted') {
      if (character === '"') this.#state = 'quote-in-quoted';
      else this.#cell += character;
      return;
    }
    if (character === '"' && this.#state !== 'plain') {
      if (this.#state === 'quote-in-quoted') this.#cell += '"';
      this.#state = 'quoted';
    } else if (character === ',') this.#endCell();
    else if (character === '\r') {
      this.#sawReturn = true;
      this.#endRow();
    } else if (character === '\n') {
      if (!afterReturn) this.#endRow();
      this.#rowLine = this.#line;
    } else {
      this.#cell += character;
      this.#state = 'plain';
    }
  }

  #endCell(): void {
    this.#cells.push(this.#cell);
    this.#cell = '';
    this.#state = 'start';
  }

  #endRow(): void {
    this.#endCell();
    this.#rows.push({ line: this.#rowLine, cells: this.#cells });
    this.#cells = [];
    this.#rowLine = this.#line;
  }
}

export function createCsvReader(): CsvReader {
  return new Reader();
}
