import type { LedgerWorkRequest } from '@tollgate/contract/admin-api/ledger.ts';
import { ledgerWorkSchema, type LedgerWork } from '@tollgate/contract/admin-api/operations.ts';
import { adminClient } from '#admin/client.ts';
import type { Context } from '#context.ts';
import { CommandFailure } from '#failure.ts';
import { sizeText } from '#output/size.ts';

/** How long the gateway waits for the end before it answers how far it is, ms. */
const lookMs = 500;
const tenth = 0.1;

/** Rewritten in place where somebody watches, else a line for every tenth. */
export class Progress {
  readonly #err: Context['err'];
  readonly #what: string;
  #width = 0;
  #told = 0;

  constructor({ err }: Pick<Context, 'err'>, what: string) {
    this.#err = err;
    this.#what = what;
  }

  tell(done: number, total: number): void {
    if (total === 0) return;
    const share = Math.min(1, done / total);
    const line = `${this.#what} ${Math.floor(share * 100)} % of ${sizeText(total)}`;
    if (this.#err.interactive) {
      this.#err.write(`\r${line.padEnd(this.#width)}`);
      this.#width = line.length;
    } else if (share - this.#told >= tenth) {
      this.#told = share;
      this.#err.write(`${line}\n`);
    }
  }

  end(): void {
    if (this.#width > 0) this.#err.write(`\r${' '.repeat(this.#width)}\r`);
  }
}

/** Has the gateway do the work, and shows how far it is until it is done. Throws CommandFailure where it fails. */
export async function runLedgerWork(
  context: Context,
  request: LedgerWorkRequest,
  what: string,
): Promise<{ readonly work: LedgerWork; readonly raw: unknown }> {
  const client = adminClient(context.settings);
  const begun = await client.ask({ path: 'ledger/work', schema: ledgerWorkSchema, method: 'POST', body: request });
  const progress = new Progress(context, what);
  let answer = begun;
  while (answer.value.state === 'running') {
    progress.tell(answer.value.doneBytes, answer.value.totalBytes);
    answer = await client.ask({
      path: `ledger/work/${begun.value.id}`,
      schema: ledgerWorkSchema,
      query: { waitMs: String(lookMs) },
    });
  }
  progress.end();
  const { value: work, raw } = answer;
  if (work.state === 'failed') throw new CommandFailure(work.error ?? 'It failed, and the gateway does not say why.');
  return { work, raw };
}

/** A member of what a work came to, as it came: fields that this version does not know are kept. */
export function rawMember(raw: unknown, member: 'verification' | 'backup'): unknown {
  return typeof raw === 'object' && raw !== null ? Reflect.get(raw, member) : null;
}
