import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { TestContext } from 'node:test';
import type { TwinAttempt } from '@tollgate/contract/twin.ts';
import { closedAfter, listening } from './fake-gateway.ts';

export interface Call {
  readonly key: string;
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** When it arrived, by the clock of the behaviour. */
  readonly at: number;
  /** False where the client left before the end. */
  readonly whole: boolean;
}

const tokens = { input: 100, output: 40 };

/** One listener in the place of data plane and twin: it answers calls, and has a record of what it generated. */
export interface FakeDataPlane {
  readonly port: number;
  readonly calls: readonly Call[];
  /** `GET /_twin/usage`; what is still being written is not in it. */
  readonly attempts: readonly TwinAttempt[];
  running(): number;
}

export interface Behaviour {
  readonly now?: () => number;
  /** Answers this instead, where it is given. */
  readonly refuse?: (
    call: Omit<Call, 'whole' | 'at'>,
  ) => { readonly status: number; readonly body: unknown } | undefined;
}

const event = (data: unknown, name?: string): string =>
  `${name === undefined ? '' : `event: ${name}\n`}data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`;

/** Chat and Responses end differently; both are long enough to be left half-way. */
async function stream(response: ServerResponse, responses: boolean): Promise<boolean> {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (let at = 0; at < 40; at += 1) {
    if (response.destroyed) return false;
    response.write(event({ choices: [{ delta: { content: `word${at} ` } }] }));
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  response.end(responses ? event({ type: 'response.completed' }, 'response.completed') : event('[DONE]'));
  return true;
}

async function bodyOf(request: IncomingMessage): Promise<Call['body']> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return JSON.parse(text) as Call['body'];
}

export async function fakeDataPlane(
  test: TestContext,
  { refuse, now = () => 0 }: Behaviour = {},
): Promise<FakeDataPlane> {
  const calls: Call[] = [];
  const attempts: TwinAttempt[] = [];
  let running = 0;
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.url === '/_twin/usage') {
      response.end(JSON.stringify({ attempts, total: {}, running }));
      return;
    }
    running += 1;
    const at = now();
    const call = { key: String(request.headers['api-key']), path: request.url ?? '', body: await bodyOf(request) };
    const refusal = refuse?.(call);
    const streamed = call.body['stream'] === true;
    let whole = true;
    if (refusal !== undefined) response.writeHead(refusal.status).end(JSON.stringify(refusal.body));
    else if (streamed) whole = await stream(response, call.path.includes('responses'));
    else response.writeHead(200, { 'content-type': 'application/json' }).end('{"usage":{}}');
    const used = refusal === undefined ? tokens : { input: 0, output: 0 };
    calls.push({ ...call, at, whole });
    attempts.push({
      id: `attempt-${attempts.length}`,
      deployment: 'd',
      operation: 'o',
      stream: streamed,
      status: refusal?.status ?? 200,
      inputTokens: used.input,
      cachedInputTokens: 0,
      outputTokens: used.output,
      reasoningTokens: 0,
      complete: whole,
    });
    running -= 1;
  };
  const server = createServer((request, response) => void answer(request, response));
  const port = await listening(server);
  closedAfter(test, server);
  return { port, calls, attempts, running: () => running };
}
