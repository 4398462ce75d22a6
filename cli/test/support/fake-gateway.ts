import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Server as NetServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { adminErrorSchema } from '@tollgate/contract/admin-api/operations.ts';
import type { z } from 'zod';
import type { Environment } from '../../src/settings.ts';

export interface Asked {
  readonly method: string;
  /** Without `/admin/v1/`. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** Every value of a parameter that may be given several times. */
  readonly queries: URLSearchParams;
  readonly body: unknown;
}

export interface Answer {
  readonly status?: number;
  readonly body: unknown;
  /** In the place of a JSON body: pieces of a file, and whether the connection breaks off behind them. */
  readonly file?: { readonly name: string; readonly pieces: readonly string[]; readonly brokenOff?: boolean };
}

/** A file that is sent piece by piece. */
export function file(name: string, pieces: readonly string[], brokenOff = false): Answer {
  return { body: undefined, file: { name, pieces, brokenOff } };
}

/** An answer that the contract's schema has approved, so that the fake cannot promise what no gateway says. */
export function promised<Schema extends z.ZodType>(schema: Schema, body: z.input<Schema>, extra: object = {}): Answer {
  schema.parse(body);
  return { body: { ...(body as object), ...extra } };
}

export function refused(status: number, error: z.input<typeof adminErrorSchema>['error']): Answer {
  return { status, body: adminErrorSchema.parse({ error }) };
}

export interface FakeGateway {
  readonly environment: Environment;
  readonly dataFolder: string;
  readonly asked: readonly Asked[];
  readonly port: number;
}

const token = 'a-token-of-the-test';

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text === '' ? undefined : JSON.parse(text);
}

export async function listening(server: NetServer): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Tears down with the test; keep-alive connections of `fetch` would hold it up. */
export function closedAfter(test: TestContext, server: Server): void {
  test.after(() => {
    server.closeAllConnections();
    server.close();
  });
}

export function temporaryFolder(test: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'tollgate-cli-'));
  test.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Routes: `GET usage` -> the answer. */
export type Routes = Readonly<Record<string, Answer | ((asked: Asked) => Answer)>>;

/** A real server on a free port that answers as the admin API does, and the environment that leads to it. */
export async function fakeGateway(test: TestContext, routes: Routes): Promise<FakeGateway> {
  const asked: Asked[] = [];
  const answer = async (request: IncomingMessage): Promise<Answer> => {
    const url = new URL(request.url ?? '/', 'http://fake');
    if (url.pathname === '/healthz') return { body: { status: 'ok', ready: true } };
    if (request.headers.authorization !== `Bearer ${token}`) {
      return refused(401, { code: 'admin_unauthorized', message: 'The admin token is missing or wrong.', id: 'id-1' });
    }
    const one: Asked = {
      method: request.method ?? '',
      path: url.pathname.replace('/admin/v1/', ''),
      query: Object.fromEntries(url.searchParams),
      queries: url.searchParams,
      body: await bodyOf(request),
    };
    asked.push(one);
    const route = routes[`${one.method} ${one.path}`];
    if (route === undefined) {
      return refused(404, { code: 'admin_not_found', message: `Nothing is called ${one.path}.`, id: 'id-404' });
    }
    return typeof route === 'function' ? route(one) : route;
  };
  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { status = 200, body, file: sent } = await answer(request);
    if (sent !== undefined) {
      response.writeHead(status, { 'content-disposition': `attachment; filename="${sent.name}"` });
      for (const piece of sent.pieces) response.write(piece);
      if (sent.brokenOff === true) setImmediate(() => response.destroy());
      else response.end();
      return;
    }
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  const server = createServer((request, response) => void respond(request, response));
  const port = await listening(server);
  closedAfter(test, server);
  const dataFolder = temporaryFolder(test);
  writeFileSync(path.join(dataFolder, 'admin-token'), `${token}\n`);
  return { environment: { TOLLGATE_DATA: dataFolder, TOLLGATE_ADMIN_PORT: String(port) }, dataFolder, asked, port };
}

/**
 * A port that was free a moment ago, below those that the system hands out for port 0: no other test gets it meanwhile.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const server = createServer();
    try {
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
      server.close();
      await once(server, 'close');
      return port;
    } catch {
      // taken
    }
  }
}
