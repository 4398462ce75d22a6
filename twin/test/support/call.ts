import { request, type IncomingHttpHeaders, type RequestOptions } from 'node:http';
import type { TestContext } from 'node:test';
import { startTwin, type RunningTwin } from '#server.ts';
import type { TwinOptions } from '../../src/options.ts';

/** A twin for one test, on a free port. */
export async function twinFor(context: TestContext, options: TwinOptions = {}): Promise<RunningTwin> {
  const twin = await startTwin(options);
  context.after(() => twin.close());
  return twin;
}

export interface Got {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The pieces in which the body arrived. */
  readonly pieces: readonly Buffer[];
  /** What broke the reply off; undefined where it came whole. */
  readonly broken: string | undefined;
}

export interface Asked {
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly method?: string;
}

/** One request over a connection of its own; never rejects once headers have come. */
export function call(twin: RunningTwin, asked: Asked): Promise<Got> {
  const options: RequestOptions = {
    method: asked.method ?? (asked.body === undefined ? 'GET' : 'POST'),
    headers: { 'api-key': twin.key, 'content-type': 'application/json', ...asked.headers },
    agent: false,
  };
  return new Promise((resolve, reject) => {
    const outgoing = request(`${twin.url}${asked.path}`, options, (response) => {
      const pieces: Buffer[] = [];
      const done = (broken: string | undefined): void =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(pieces),
          pieces,
          broken,
        });
      response.on('data', (chunk: Buffer) => pieces.push(chunk));
      response.once('end', () => done(undefined));
      response.once('error', (error) => done(error.message));
    });
    outgoing.once('error', reject);
    outgoing.end(asked.body === undefined ? undefined : textOf(asked.body));
  });
}

const textOf = (body: unknown): string | Buffer =>
  typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);

export const v1 = '/openai/v1';
export const chatPath = `${v1}/chat/completions`;

/** The body of a chat call that says one thing. */
export function say(content: string, more: object = {}): { model: string; messages: object[] } {
  return { model: 'gpt-5.4-mini', messages: [{ role: 'user', content }], ...more };
}

/** The body as JSON, of any shape. */
export function json(got: Got) {
  return JSON.parse(got.body.toString());
}

/** The data of each event of a stream. */
export function events(got: Got): string[] {
  return got.body
    .toString()
    .split(/\r?\n\r?\n/)
    .flatMap((block) => block.split(/\r?\n/).filter((line) => line.startsWith('data: ')))
    .map((line) => line.slice('data: '.length));
}

/** The parsed events, without `[DONE]`. */
export function chunks(got: Got) {
  return events(got)
    .filter((data) => data !== '[DONE]')
    .map((data) => JSON.parse(data));
}
