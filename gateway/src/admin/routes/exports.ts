import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import {
  exportQuerySchema,
  focusQuerySchema,
  signatureQuerySchema,
  statementQuerySchema,
} from '@tollgate/contract/admin-api/exports.ts';
import { exportKeySchema, exportSignatureSchema } from '@tollgate/contract/export-signature.ts';
import type { MadeExport } from '#accounting/exports/made-exports.ts';
import { Failure } from '#kernel/errors.ts';
import type { Log } from '#kernel/log.ts';
import { failures, invalid, json, missing, type AdminApp } from '../app.ts';
import type { AdminDependencies } from '../ports.ts';

const tags = ['Exports'];

const csv = (description: string) => ({ description, content: { 'text/csv': { schema: z.string() } } });

/** What fails on the way breaks the reply off: that a file is not whole has to be seen. */
async function* logged(pieces: AsyncIterable<Uint8Array>, requestId: string, log: Log): AsyncGenerator<Uint8Array> {
  try {
    yield* pieces;
  } catch (thrown) {
    log.error({ requestId, err: thrown }, 'an export was broken off');
    throw thrown;
  }
}

type Send = (reply: FastifyReply, made: MadeExport) => Promise<FastifyReply>;

/** Sent as it is made. Whoever stops reading stops the making. */
const sender =
  (log: Log): Send =>
  async (reply, { fileName, contentType, pieces }) => {
    const stream = Readable.from(logged(pieces, reply.request.id, log), { objectMode: false });
    return await reply
      .type(contentType)
      .header('content-disposition', `attachment; filename="${fileName}"`)
      // A statement is a page of its own, and nothing that a portal's origin should run.
      .header('content-security-policy', "sandbox; default-src 'none'; style-src 'unsafe-inline'")
      .send(stream);
  };

/** Whoever makes the export looks at everything, and tells all that is wrong at once: nothing is checked before it. */
const unchecked = () => (value: unknown) => ({ value });

export function exportRoutes(app: AdminApp, { exports, log }: AdminDependencies): void {
  const send = sender(log);
  app.route({
    method: 'GET',
    url: '/exports/focus',
    validatorCompiler: unchecked,
    schema: {
      operationId: 'exportFocus',
      tags,
      summary: 'A FOCUS 1.4 cost and usage file',
      description: 'A row for each day, meter, price and series of calls. A period without usage is a header alone.',
      querystring: focusQuerySchema,
      response: { 200: csv('The file, as it is made.'), ...invalid, ...failures },
    },
    async handler({ query }, reply) {
      return await send(reply, await exports.make('focus', query));
    },
  });

  app.route({
    method: 'GET',
    url: '/exports/csv',
    validatorCompiler: unchecked,
    schema: {
      operationId: 'exportCsv',
      tags,
      summary: 'The charges, as CSV',
      querystring: exportQuerySchema,
      response: { 200: csv('The file, as it is made.'), ...invalid, ...failures },
    },
    async handler({ query }, reply) {
      return await send(reply, await exports.make('csv', query));
    },
  });

  app.route({
    method: 'GET',
    url: '/exports/json',
    validatorCompiler: unchecked,
    schema: {
      operationId: 'exportJson',
      tags,
      summary: 'The charges, as JSON',
      querystring: exportQuerySchema,
      response: {
        200: json('The file, as it is made.', z.record(z.string(), z.unknown())),
        ...invalid,
        ...failures,
      },
    },
    async handler({ query }, reply) {
      return await send(reply, await exports.make('json', query));
    },
  });

  statementRoute(app, exports, send);
  signatureRoutes(app, exports);
}

function statementRoute(app: AdminApp, exports: AdminDependencies['exports'], send: Send): void {
  app.route({
    method: 'GET',
    url: '/exports/statement',
    validatorCompiler: unchecked,
    schema: {
      operationId: 'exportStatement',
      tags,
      summary: "A cost centre's statement of a month",
      querystring: statementQuerySchema,
      response: {
        200: { description: 'The page, or its lines.', content: { 'text/html': { schema: z.string() } } },
        ...invalid,
        ...failures,
      },
    },
    async handler({ query }, reply) {
      return await send(reply, await exports.make('statement', query));
    },
  });
}

function signatureRoutes(app: AdminApp, exports: AdminDependencies['exports']): void {
  app.route({
    method: 'GET',
    url: '/exports/key',
    schema: {
      operationId: 'exportKey',
      tags,
      summary: 'The public key that signatures are verified with',
      response: { 200: json('The key.', exportKeySchema), ...failures },
    },
    handler: () => exports.key(),
  });

  app.route({
    method: 'GET',
    url: '/exports/signature',
    schema: {
      operationId: 'exportSignature',
      tags,
      summary: 'Sign an export that was just made',
      description: 'Of the last 256 exports that were read to their end since the gateway started.',
      querystring: signatureQuerySchema,
      response: { 200: json('The signature.', exportSignatureSchema), ...invalid, ...missing, ...failures },
    },
    handler({ query }) {
      const signature = exports.signature(query.sha256);
      if (signature === undefined)
        throw new Failure('admin_not_found', 'This gateway has made no such export lately; make it again.');
      return signature;
    },
  });
}
