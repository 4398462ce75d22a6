import { createReadStream } from 'node:fs';
import path from 'node:path';
import { createCsvReader } from '@tollgate/contract/csv.ts';
import { decimalText } from '@tollgate/contract/decimal.ts';
import { createFocusChecker, type FocusCheck } from '@tollgate/contract/focus/check.ts';
import { focus } from '@tollgate/contract/focus/schema.ts';
import { CommandFailure, systemErrorCode } from '#failure.ts';
import { grouped } from '#output/money.ts';

/** What the checker finds, sums as decimal numbers of USD. */
export type FocusFindings = Omit<FocusCheck, 'sums'> & { readonly sums: Readonly<Record<string, string>> };

/** Reads a FOCUS file a row at a time. Throws CommandFailure where it cannot be read. */
export async function checkFocusFile(file: string): Promise<FocusFindings> {
  const reader = createCsvReader();
  const checker = createFocusChecker();
  let isHeader = true;
  const take = (rows: ReturnType<typeof reader.push>): void => {
    for (const { cells, line } of rows) {
      if (isHeader) checker.header(cells, line);
      else checker.row(cells, line);
      isHeader = false;
    }
  };
  for await (const text of textOf(file)) take(reader.push(text));
  const { rows, unclosedQuote } = reader.end();
  take(rows);
  if (isHeader) checker.report({ line: 1, column: '', source: 'CSV', says: 'the file is empty: it has no header' });
  if (unclosedQuote) checker.report({ line: 0, column: '', source: 'CSV', says: 'a quote is never closed' });
  const { sums, ...found } = checker.result();
  return {
    ...found,
    sums: Object.fromEntries(Object.entries(sums).map(([column, sum]) => [column, decimalText(sum, 2)])),
  };
}

async function* textOf(file: string): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  try {
    for await (const piece of createReadStream(file) as AsyncIterable<Buffer>)
      yield decoder.decode(piece, { stream: true });
  } catch (thrown) {
    const code = systemErrorCode(thrown);
    if (code === undefined) throw thrown;
    const why = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`;
    throw new CommandFailure(`${path.resolve(file)} ${why}.`, { cause: thrown });
  }
}

/** What is told of it: a line for each of the first hundred problems, and the sums. */
export function checkFindings(file: string, { rows, problemCount, problems, sums }: FocusFindings): string {
  const { name, version } = focus.specification;
  const counted = `${grouped(rows)} ${rows === 1 ? 'row' : 'rows'}`;
  const verdict =
    problemCount === 0
      ? `${file} keeps the rules of ${name} ${version}: ${counted}, nothing is wrong.`
      : `${file} breaks rules of ${name} ${version}: ${counted}, ${grouped(problemCount)} ${problemCount === 1 ? 'problem' : 'problems'}.`;
  const lines = [
    verdict,
    ...problems.map(({ line, column, says, source }) =>
      [line === 0 ? 'end' : `line ${line}`, ...(column === '' ? [] : [column])]
        .join(', ')
        .concat(`: ${says} (${source})`),
    ),
    ...(problemCount > problems.length ? [`… and ${grouped(problemCount - problems.length)} more`] : []),
    ...Object.entries(sums).map(([column, sum]) => `sum of ${column}: ${sum} USD`),
  ];
  return `${lines.join('\n')}\n`;
}
