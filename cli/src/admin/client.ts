import { adminErrorSchema } from '@tollgate/contract/admin-api/operations.ts';
import { errorDefinitions, type ErrorDefinition } from '@tollgate/contract/errors.ts';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { z } from 'zod';
import { CommandFailure, exitCodes, systemErrorCode } from '#failure.ts';
import type { Settings } from '#settings.ts';
import { parseJson } from './json.ts';

/** A reply that fits the contract, and the same as it came: fields that this version does not know are kept in `raw`. */
export interface Reply<Value> {
  readonly value: Value;
  readonly raw: unknown;
}

interface Question<Schema extends z.ZodType> {
  /** Below `/admin/v1/`. */
  readonly path: string;
  readonly schema: Schema;
  readonly method?: 'GET' | 'POST';
  /** A list: the parameter is given once for each. */
  readonly query?: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body?: unknown;
  /** Default: 30 s. */
  readonly timeoutMs?: number;
}

/** A file as the gateway sends it. */
export interface Download {
  /** What the gateway calls it: letters, digits, dots and dashes. */
  readonly fileName: string;
  /** Fails where the connection breaks off before the end. */
  readonly pieces: AsyncIterable<Uint8Array>;
  /** Nobody wants the rest. */
  cancel(): void;
}

/** The admin API of the gateway that runs with these settings. Throws CommandFailure. */
export interface AdminClient {
  ask<Schema extends z.ZodType>(question: Question<Schema>): Promise<Reply<z.output<Schema>>>;
  /** `timeoutMs`: to the first byte, and between two pieces. */
  download(question: Pick<Question<z.ZodType>, 'path' | 'query' | 'timeoutMs'>): Promise<Download>;
}

export function adminClient(settings: Pick<Settings, 'dataFolder' | 'adminPort'>): AdminClient {
  return {
    async ask(question) {
      const token = await readToken(settings);
      const response = await send(settings, { ...question, token });
      const raw = parseJson(await response.text());
      if (!response.ok) throw refusal(settings, { status: response.status, body: raw });
      const parsed = question.schema.safeParse(raw);
      if (parsed.success) return { value: parsed.data, raw };
      const [issue] = parsed.error.issues;
      throw new CommandFailure(
        `The gateway's answer about ${question.path} is not what this command understands` +
          ` (${issue === undefined ? 'no reason' : `${issue.path.join('.')}: ${issue.message}`}).`,
        { hints: ['Are the gateway and this command of the same version? Compare them: npx --no tollgate version'] },
      );
    },
    async download(question) {
      const token = await readToken(settings);
      const patience = new Patience(question.timeoutMs ?? defaultTimeoutMs);
      try {
        const response = await send(settings, { ...question, token, signal: patience.signal });
        if (!response.ok) throw refusal(settings, { status: response.status, body: parseJson(await response.text()) });
        const [, fileName = 'export'] = /filename="([A-Za-z0-9.-]+)"/.exec(disposition(response)) ?? [];
        return { fileName, pieces: piecesOf(settings, response, patience), cancel: () => patience.abort() };
      } catch (thrown) {
        patience.end();
        throw thrown;
      }
    },
  };
}

const baseUrl = (settings: Pick<Settings, 'adminPort'>): string => `http://127.0.0.1:${settings.adminPort}`;

function noGateway(settings: Pick<Settings, 'adminPort' | 'dataFolder'>): CommandFailure {
  return new CommandFailure(`No gateway is running: nothing answers on ${baseUrl(settings)}.`, {
    exitCode: exitCodes.noGateway,
    hints: [
      'Start one in another terminal: npm start',
      'If one runs elsewhere, say where: TOLLGATE_ADMIN_PORT (its admin port), TOLLGATE_DATA (its data folder).',
    ],
  });
}

async function answers(settings: Pick<Settings, 'adminPort'>): Promise<boolean> {
  try {
    await fetch(`${baseUrl(settings)}/healthz`, { signal: AbortSignal.timeout(5_000) });
    return true;
  } catch {
    return false;
  }
}

/** The admin token of the data folder. Where there is none, whether a gateway runs at all decides what is told. */
async function readToken(settings: Pick<Settings, 'dataFolder' | 'adminPort'>): Promise<string> {
  const file = path.join(settings.dataFolder, 'admin-token');
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (thrown) {
    if (systemErrorCode(thrown) !== 'ENOENT') {
      throw new CommandFailure(`${file} cannot be read (${systemErrorCode(thrown) ?? 'unknown'}).`, {
        hints: ['It belongs to the user that the gateway runs as.'],
        cause: thrown,
      });
    }
    if (!(await answers(settings))) throw noGateway(settings);
    throw new CommandFailure(
      `A gateway runs on ${baseUrl(settings)}, but ${settings.dataFolder} is not its data folder.`,
      {
        exitCode: exitCodes.noGateway,
        hints: ['Set TOLLGATE_DATA to the folder that it was started with.'],
      },
    );
  }
}

const defaultTimeoutMs = 30_000;

/** Aborts when nothing has been heard for so long. */
class Patience {
  readonly ms: number;
  readonly #controller = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(ms: number) {
    this.ms = ms;
    this.again();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  again(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#controller.abort(new DOMException('Too slow.', 'TimeoutError')), this.ms);
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  abort(): void {
    this.end();
    this.#controller.abort();
  }
}

const disposition = (response: Response): string => response.headers.get('content-disposition') ?? '';

async function* piecesOf(
  settings: Pick<Settings, 'dataFolder' | 'adminPort'>,
  response: Response,
  patience: Patience,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const piece of response.body ?? []) {
      patience.end();
      yield piece;
      patience.again();
    }
  } catch (thrown) {
    throw unreachable(settings, { thrown, timeoutMs: patience.ms });
  } finally {
    patience.end();
  }
}

type Sent = Omit<Question<z.ZodType>, 'schema'> & { readonly token: string; readonly signal?: AbortSignal };

async function send(settings: Pick<Settings, 'dataFolder' | 'adminPort'>, question: Sent): Promise<Response> {
  const body = question.body === undefined ? undefined : JSON.stringify(question.body);
  const url = new URL(`/admin/v1/${question.path}`, baseUrl(settings));
  for (const [name, value] of Object.entries(question.query ?? {})) {
    for (const one of [value ?? []].flat()) url.searchParams.append(name, one);
  }
  const timeoutMs = question.timeoutMs ?? defaultTimeoutMs;
  try {
    return await fetch(url, {
      method: question.method ?? 'GET',
      headers: {
        authorization: `Bearer ${question.token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body }),
      signal: question.signal ?? AbortSignal.timeout(timeoutMs),
    });
  } catch (thrown) {
    throw unreachable(settings, { thrown, timeoutMs });
  }
}

function unreachable(
  settings: Pick<Settings, 'dataFolder' | 'adminPort'>,
  { thrown, timeoutMs }: { readonly thrown: unknown; readonly timeoutMs: number },
): CommandFailure {
  if (systemErrorCode(thrown) === 'ECONNREFUSED') return noGateway(settings);
  if (thrown instanceof Error && thrown.name === 'TimeoutError') {
    return new CommandFailure(`The gateway did not answer within ${timeoutMs / 1000} s.`, { cause: thrown });
  }
  const why = systemErrorCode(thrown) ?? 'no reason given';
  return new CommandFailure(`The gateway on ${baseUrl(settings)} broke off (${why}).`, { cause: thrown });
}

interface Refused {
  readonly status: number;
  readonly body: unknown;
}

function refusal(settings: Pick<Settings, 'dataFolder' | 'adminPort'>, { status, body }: Refused): CommandFailure {
  const parsed = adminErrorSchema.safeParse(body);
  if (!parsed.success) {
    return new CommandFailure(`What listens on ${baseUrl(settings)} answered ${status}, and not as a gateway does.`, {
      hints: ['Set TOLLGATE_ADMIN_PORT to the admin port of the gateway.'],
    });
  }
  const { code, message, id, details = [] } = parsed.data.error;
  if (status === 401) {
    return new CommandFailure(
      `The gateway on ${baseUrl(settings)} does not take the token of ${settings.dataFolder}.`,
      {
        hints: ['It was started with another data folder: set TOLLGATE_DATA to that one.'],
      },
    );
  }
  const known: Readonly<Record<string, ErrorDefinition>> = errorDefinitions;
  const remedy = known[code]?.remedy;
  return new CommandFailure(`${message} (${code}, id ${id})`, {
    hints: [...details.map((line) => `- ${line}`), ...(remedy === undefined ? [] : [remedy])],
  });
}
