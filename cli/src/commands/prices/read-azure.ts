import { readFileSync } from 'node:fs';
import type { RetailQuery } from '@tollgate/contract/admin-api/prices.ts';
import type { Context } from '#context.ts';
import { CommandFailure, systemErrorCode } from '#failure.ts';
import { RetailList } from './retail-list.ts';
import { parsePage, type RetailPage } from './retail-page.ts';

export const azureRetailPrices = 'https://prices.azure.com/api/retail/prices';

/** Azure has some dozens of pages of 1,000; beyond this something goes round in circles. */
const mostPages = 500;
const mostTries = 5;
const pageTimeoutMs = 60_000;
/** Azure slows down those who ask much; what it says goes, up to a minute. */
const longestWaitMs = 60_000;

export interface ReadList {
  readonly list: RetailList;
  /** Where it was read. */
  readonly url: string;
}

/** Reads the whole list, page by page. Throws where a page is missing: half a list is none. */
export async function readFromAzure(
  context: Context,
  api: string,
  { query, progress }: { readonly query: RetailQuery; readonly progress: (pages: number, items: number) => void },
): Promise<ReadList> {
  const first = new URL(api);
  first.searchParams.set('api-version', query.apiVersion);
  first.searchParams.set('currencyCode', 'USD');
  first.searchParams.set('$filter', query.filter);
  const list = new RetailList();
  const seen = new Set<string>();
  for (let next: URL | undefined = first; next !== undefined;) {
    if (seen.has(next.href) || seen.size >= mostPages) {
      throw new CommandFailure(
        `The price list has no end: page ${seen.size + 1} was asked for before, or is one too many.`,
      );
    }
    seen.add(next.href);
    const page: RetailPage = await pageAt(context, next);
    list.add(page);
    progress(seen.size, list.read);
    next = nextPage(page, first);
  }
  return { list, url: first.href };
}

/** Reads pages that were saved to files, where the machine of the gateway has no way to Azure. */
export function readFromFiles(files: readonly string[]): ReadList {
  const list = new RetailList();
  let ends = false;
  for (const file of files) {
    const page = parsePage(textOf(file));
    if (typeof page === 'string') throw new CommandFailure(`${file} is no page of the price list: ${page}.`);
    list.add(page);
    ends ||= (page.NextPageLink ?? '') === '';
  }
  if (!ends) {
    throw new CommandFailure('The last page of the price list is missing: each of the files names another one.', {
      hints: ['Save every page, following `NextPageLink`, until it is null.'],
    });
  }
  return { list, url: files.join(', ') };
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (thrown) {
    throw new CommandFailure(`${file} cannot be read (${systemErrorCode(thrown) ?? 'unknown'}).`, { cause: thrown });
  }
}

function nextPage(page: RetailPage, first: URL): URL | undefined {
  const link = page.NextPageLink ?? '';
  if (link === '') return undefined;
  const next = URL.canParse(link) ? new URL(link) : undefined;
  if (next?.origin === first.origin) return next;
  throw new CommandFailure(`The price list goes on somewhere else than it began: ${link}`, {
    hints: [`It began at ${first.origin}; nothing was changed.`],
  });
}

async function pageAt(context: Context, url: URL): Promise<RetailPage> {
  for (let tries = 1; ; tries += 1) {
    const answer = await ask(url);
    if (typeof answer === 'object' && !('wait' in answer)) return answer;
    const { why, wait, again } = answer;
    if (!again || tries === mostTries) {
      throw new CommandFailure(`The price list cannot be read: ${why}.`, {
        hints: [url.href, 'Nothing was changed. Without a way to Azure: save its pages elsewhere, and use --from.'],
      });
    }
    await context.clock.sleep(wait ?? Math.min(longestWaitMs, 1000 * 2 ** tries));
  }
}

interface NoPage {
  readonly why: string;
  readonly wait: number | undefined;
  readonly again: boolean;
}

async function ask(url: URL): Promise<RetailPage | NoPage> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, { signal: AbortSignal.timeout(pageTimeoutMs), redirect: 'error' });
    text = await response.text();
  } catch (thrown) {
    const why = systemErrorCode(thrown) ?? (thrown instanceof Error ? thrown.message : 'no reason given');
    return { why: `${url.host} does not answer (${why})`, wait: undefined, again: true };
  }
  if (!response.ok) {
    const after = Number(response.headers.get('retry-after') ?? Number.NaN);
    return {
      why: `${url.host} answers ${response.status}${words(text)}`,
      wait: Number.isFinite(after) ? Math.min(longestWaitMs, Math.max(0, after * 1000)) : undefined,
      again: response.status === 429 || response.status >= 500,
    };
  }
  const page = parsePage(text);
  return typeof page === 'string'
    ? { why: `a page is not as it should be: ${page}`, wait: undefined, again: true }
    : page;
}

/** Azure says what is wrong in `Error.Message`. */
function words(text: string): string {
  const [, message] = /"[Mm]essage"\s*:\s*"([^"]{1,300})/.exec(text) ?? [];
  return message === undefined ? '' : ` (${message})`;
}
