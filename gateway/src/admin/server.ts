import type { Socket } from 'node:net';
import swagger from '@fastify/swagger';
import { fastify, type FastifyReply } from 'fastify';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { Failure } from '#kernel/errors.ts';
import { parseJson } from '#kernel/json.ts';
import type { AdminApp } from './app.ts';
import { answerError, errorBody, notFound, safeHeaders } from './errors.ts';
import { hostCheck } from './hosts.ts';
import { openApiOptions } from './openapi.ts';
import type { AdminDependencies } from './ports.ts';
import { accountingRoutes } from './routes/accounting.ts';
import { budgetRoutes } from './routes/budgets.ts';
import { exportRoutes } from './routes/exports.ts';
import { ledgerWorkRoutes } from './routes/ledger-work.ts';
import { adjustmentRoutes } from './routes/adjustments.ts';
import { batchRoutes } from './routes/batches.ts';
import { openRoutes } from './routes/open.ts';
import { counterRoutes } from './routes/counters.ts';
import { deploymentRoutes } from './routes/deployments.ts';
import { operationRoutes } from './routes/operations.ts';
import { priceRoutes } from './routes/prices.ts';
import { ptuRoutes } from './routes/ptu.ts';
import { productRoutes } from './routes/products.ts';
import { routeRoutes } from './routes/routes.ts';
import { subscriptionRoutes } from './routes/subscriptions.ts';
import { usageRoutes } from './routes/usage.ts';
import { tokenCheck } from './token.ts';

const maxBodyBytes = 1024 * 1024;
/** How long a request may take to arrive whole, ms. */
const requestTimeoutMs = 30_000;
/** How long requests under way may take when the server closes, ms; a usage report may wait up to a minute. */
const closeGraceMs = 2_000;

export interface AdminServer {
  /** Port 0 takes a free one. Rejects where the address cannot be listened on. */
  listen(address: string, port: number): Promise<{ readonly port: number }>;
  /** Lets requests under way finish for two seconds, then breaks them off. */
  close(): Promise<void>;
  /** The OpenAPI 3.1 document of every route. */
  openApi(): object;
}

/** Listens nowhere yet. */
export async function createAdminServer(dependencies: AdminDependencies): Promise<AdminServer> {
  const { clock, log } = dependencies;
  let hostAllowed: ReturnType<typeof hostCheck> | undefined;
  const app = await buildApp(dependencies, (host) => hostAllowed?.(host) ?? false);
  return {
    async listen(address, port) {
      hostAllowed = hostCheck(address);
      await app.listen({ host: address, port });
      const bound = app.server.address();
      return { port: typeof bound === 'object' && bound !== null ? bound.port : port };
    },
    async close() {
      const patience = clock.after(closeGraceMs, () => {
        log.warn({}, 'admin requests were broken off by the shutdown');
        app.server.closeAllConnections();
      });
      await app.close();
      patience.cancel();
    },
    openApi: () => app.swagger(),
  };
}

async function buildApp(
  dependencies: AdminDependencies,
  hostAllowed: (host: string | undefined) => boolean,
): Promise<AdminApp> {
  const { clock, log, newId, version } = dependencies;
  const app: AdminApp = fastify({
    // One line a request is logged below, through the gateway's own log.
    logger: false,
    bodyLimit: maxBodyBytes,
    requestTimeout: requestTimeoutMs,
    forceCloseConnections: 'idle',
    genReqId: () => newId(clock.now()),
    frameworkErrors: (error, _request, reply) => {
      answerError(reply, error, log);
    },
    clientErrorHandler: (error, socket) => answerNoHttp(error, socket, newId(clock.now())),
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  readJsonOnly(app);
  app.setErrorHandler((thrown, _request, reply) => answerError(reply, thrown, log));
  app.setNotFoundHandler((request, reply) => answerError(reply, notFound(request), log));
  app.addHook('onRequest', async (request, reply) => {
    reply.headers({ ...safeHeaders, 'x-request-id': request.id });
    if (!hostAllowed(request.headers.host))
      throw new Failure('admin_wrong_host', 'The `host` header names another host than this one.');
  });
  app.addHook('onResponse', async (_request, reply) => logRequest(reply, dependencies));
  await app.register(swagger, openApiOptions(version.version));
  await app.register(async (open: AdminApp) => openRoutes(open, dependencies));
  await app.register(async (guarded: AdminApp) => guardedRoutes(guarded, dependencies), { prefix: '/admin/v1' });
  await app.ready();
  return app;
}

function guardedRoutes(app: AdminApp, dependencies: AdminDependencies): void {
  const allowed = tokenCheck(dependencies.token);
  app.addHook('onRequest', async (request) => {
    if (!allowed(request.headers.authorization))
      throw new Failure('admin_unauthorized', 'The admin token is missing or wrong.');
  });
  // In this scope, so that what exists is not told without the token either.
  app.setNotFoundHandler((request, reply) => answerError(reply, notFound(request), dependencies.log));
  subscriptionRoutes(app, dependencies);
  productRoutes(app, dependencies);
  usageRoutes(app, dependencies);
  accountingRoutes(app, dependencies);
  exportRoutes(app, dependencies);
  ledgerWorkRoutes(app, dependencies);
  deploymentRoutes(app, dependencies);
  routeRoutes(app, dependencies);
  adjustmentRoutes(app, dependencies);
  batchRoutes(app, dependencies);
  budgetRoutes(app, dependencies);
  counterRoutes(app, dependencies);
  ptuRoutes(app, dependencies);
  priceRoutes(app, dependencies);
  operationRoutes(app, dependencies);
}

/** An empty body counts as none: clients that name a content type on every POST need no body for `…/suspend`. */
function readJsonOnly(app: AdminApp): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    const text = body.toString();
    const value = text === '' ? undefined : parseJson(text);
    if (text !== '' && value === undefined) done(new Failure('admin_invalid', 'The body is not valid JSON.'));
    else done(null, value);
  });
}

function logRequest(reply: FastifyReply, { log }: AdminDependencies): void {
  const { request } = reply;
  const route = request.routeOptions.url ?? null;
  const line = {
    requestId: request.id,
    method: request.method,
    route,
    status: reply.statusCode,
    ms: Math.round(reply.elapsedTime * 1000) / 1000,
  };
  // Probes and scrapes come every few seconds and say nothing.
  if (route === '/healthz' || route === '/readyz' || route === '/metrics') log.debug(line, 'admin request');
  else log.info(line, 'admin request');
}

/** What is no HTTP at all, or too slow or too long to become a request. */
function answerNoHttp(error: Error & { readonly code?: string }, socket: Socket, id: string): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const body = JSON.stringify(errorBody(new Failure('admin_invalid', 'The request is not well-formed HTTP.'), { id }));
  if (socket.writable)
    socket.write(
      `HTTP/1.1 400 Bad Request\r\ncontent-type: application/json; charset=utf-8\r\ncache-control: no-store\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
    );
  socket.destroySoon();
}
