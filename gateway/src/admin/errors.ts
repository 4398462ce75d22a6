import type { FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { errorDefinitions } from '@tollgate/contract/errors.ts';
import type { AdminError } from '@tollgate/contract/admin-api/operations.ts';
import { Failure } from '#kernel/errors.ts';
import type { Log } from '#kernel/log.ts';

interface Told {
  readonly failure: Failure;
  /** Every problem of a request that does not fit the schema. */
  readonly details?: readonly string[];
}

/** Answers with what may be told, and logs the rest under the same id. */
export function answerError(reply: FastifyReply, thrown: unknown, log: Log): FastifyReply {
  const { failure, details } = told(thrown);
  const id = reply.request.id;
  if (failure.status >= 500) log.error({ requestId: id, code: failure.code, err: thrown }, 'admin request failed');
  if (failure.status === 401) reply.header('www-authenticate', 'Bearer realm="tollgate-admin"');
  return reply
    .code(failure.status)
    .headers(safeHeaders)
    .type('application/json; charset=utf-8')
    .send(JSON.stringify(errorBody(failure, { id, details })));
}

/** On every reply. Without CORS headers, pages of other origins cannot read any of it. */
export const safeHeaders = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
} as const;

export function errorBody(
  failure: Failure,
  { id, details }: { readonly id: string; readonly details?: readonly string[] | undefined },
): AdminError {
  return {
    error: {
      code: failure.code,
      message: failure.message,
      id,
      ...(details === undefined ? {} : { details: [...details] }),
    },
  };
}

const internal = (): Failure => new Failure('admin_internal', 'Something failed inside Tollgate.');

function told(thrown: unknown): Told {
  if (thrown instanceof Failure) {
    if (errorDefinitions[thrown.code].status === 500) return { failure: internal() };
    const { details } = thrown.options;
    return details === undefined ? { failure: thrown } : { failure: thrown, details };
  }
  if (hasZodFastifySchemaValidationErrors(thrown))
    return {
      failure: new Failure('admin_invalid', 'The request does not fit the schema; see `/openapi.json`.'),
      details: thrown.validation.map(
        ({ instancePath, message }) => `${place(thrown, instancePath)}: ${message ?? 'is wrong'}`,
      ),
    };
  return { failure: unreadable(thrown) ?? internal() };
}

/** `body.caps.maxChoices`, `query.from` */
function place(error: { readonly validationContext?: string }, instancePath: string): string {
  const part = error.validationContext ?? 'body';
  return [part === 'querystring' ? 'query' : part, ...instancePath.split('/').filter((one) => one !== '')].join('.');
}

/** What the framework found wrong before there was anything to validate, in our own words. */
function unreadable(thrown: unknown): Failure | undefined {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new Failure('admin_too_large', 'The body exceeds 1 MiB.');
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new Failure('admin_invalid', 'The body must be `application/json`.');
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new Failure('admin_invalid', 'The body is not as long as `content-length` says.');
    case 'FST_ERR_BAD_URL':
    case 'FST_ERR_ASYNC_CONSTRAINT':
      return new Failure('admin_invalid', 'The path is not well-formed.');
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new Failure('admin_invalid', 'A name or an id in the path is longer than any is.');
    default:
      return undefined;
  }
}

export function notFound(request: FastifyRequest): Failure {
  return new Failure('admin_not_found', `There is no ${request.method} here; see \`/openapi.json\`.`);
}
