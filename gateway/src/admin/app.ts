import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { z } from 'zod';
import { adminErrorSchema } from '@tollgate/contract/admin-api/operations.ts';

/** Fastify with requests and replies typed by their zod schemas. */
export type AdminApp = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

interface JsonReply<Schema extends z.ZodType> {
  readonly description: string;
  readonly content: { readonly 'application/json': { readonly schema: Schema } };
}

/** A reply of a route. What the schema does not name is left out of it. */
export function json<Schema extends z.ZodType>(description: string, schema: Schema): JsonReply<Schema> {
  return { description, content: { 'application/json': { schema } } };
}

const error = (description: string): JsonReply<typeof adminErrorSchema> => json(description, adminErrorSchema);

/** The replies that every route behind the token can give. */
export const failures = {
  401: error('`admin_unauthorized`: the token is missing or wrong.'),
  500: error('`admin_internal`: something failed inside; the id stands in the log.'),
} as const;

export const invalid = { 400: error('`admin_invalid`: everything that is wrong is in `details`.') } as const;
export const missing = { 404: error('`admin_not_found`: nothing has this name.') } as const;
export const conflict = { 409: error('`admin_conflict`: the name is taken, or was once.') } as const;
export const underWay = { 409: error('`admin_conflict`: another piece of work is under way.') } as const;
export const pricesChanged = { 409: error('`admin_conflict`: the prices have changed since it began.') } as const;
export const unready = { 503: error('`admin_unready`: the store is behind; try again in a moment.') } as const;
export const readOnly = { 409: error('`admin_read_only`: only the configuration file can change it.') } as const;
