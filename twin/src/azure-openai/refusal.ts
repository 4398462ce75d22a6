import type { FaultSet } from '#faults/faults.ts';
import type { Json, JsonObject } from '#kernel/json.ts';

export interface ErrorFields {
  readonly code: string | null;
  readonly message: string;
  readonly type?: string | null;
  readonly param?: string | null;
  /** Further members of `error`, such as `innererror`. */
  readonly more?: JsonObject;
}

/** A request that is answered with an error: thrown anywhere before the reply begins. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  readonly fields: ErrorFields;
  /** Reply headers beside the usual ones. */
  readonly headers: Readonly<Record<string, string>>;
  /** A body that somebody asked for instead of the service's own. */
  insteadOfBody: unknown;

  constructor(status: number, fields: ErrorFields, headers: Readonly<Record<string, string>> = {}) {
    super(fields.message);
    this.status = status;
    this.fields = fields;
    this.headers = headers;
  }

  /** The body as it is sent. */
  get text(): string {
    const instead = this.insteadOfBody;
    if (instead === undefined) return JSON.stringify(this.body);
    return typeof instead === 'string' ? instead : JSON.stringify(instead);
  }

  private get body(): Json {
    const { code, message, type, param, more } = this.fields;
    const full = type !== undefined || param !== undefined || code === null;
    return { error: { code, message, ...(full ? { type: type ?? null, param: param ?? null } : {}), ...more } };
  }
}

/** 400 in the form that the model's own parameter checks have. */
export function invalid(message: string, at: { readonly param?: string; readonly code?: string } = {}): Refusal {
  return new Refusal(400, {
    code: at.code ?? null,
    message,
    type: 'invalid_request_error',
    param: at.param ?? null,
  });
}

export const resourceNotFound = (): Refusal => new Refusal(404, { code: '404', message: 'Resource not found' });

export const deploymentNotFound = (): Refusal =>
  new Refusal(404, {
    code: 'DeploymentNotFound',
    message:
      'The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, please wait a moment and try again.',
  });

/** The service's own text, which client libraries and support pages quote. */
export const accessDenied = (): Refusal =>
  new Refusal(401, {
    code: '401',
    message:
      'Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an active subscription and use a correct regional API endpoint for your resource.',
  });

export const tokenRefused = (): Refusal =>
  new Refusal(401, {
    code: 'Unauthorized',
    message: 'Access token is missing, invalid, audience is incorrect, or have expired.',
  });

const bodies: Readonly<Record<number, ErrorFields>> = {
  403: { code: '403', message: 'Public access is disabled. Please configure private endpoint.' },
  408: { code: 'Timeout', message: 'The operation was timeout.' },
  429: { code: '429', message: 'The deployment is over its rate limit. Please retry later.' },
  502: { code: 'BadGateway', message: 'A server behind the service could not be reached.' },
  503: {
    code: 'ServiceUnavailable',
    message: 'The service is temporarily unable to process the request. Please retry later.',
  },
  504: { code: 'GatewayTimeout', message: 'A server behind the service did not answer in time.' },
};

/** The refusal that a fault asks for: by its status, as the service words it. */
export function refusalAskedFor(faults: FaultSet): Refusal | undefined {
  const fault = faults.get('status');
  if (fault === undefined) return undefined;
  const headers: Record<string, string> = { ...fault.headers };
  if (fault.retryAfter !== undefined) headers['retry-after'] = String(fault.retryAfter);
  if (fault.retryAfterMs !== undefined) headers['retry-after-ms'] = String(fault.retryAfterMs);
  const refusal = new Refusal(fault.status, fieldsOf(fault.status), headers);
  refusal.insteadOfBody = fault.body;
  return refusal;
}

function fieldsOf(status: number): ErrorFields {
  if (status === 401) return accessDenied().fields;
  if (status === 404) return deploymentNotFound().fields;
  return (
    bodies[status] ?? {
      code: status >= 500 ? 'InternalServerError' : String(status),
      message: status >= 500 ? 'The server had an error while processing the request.' : 'The request was refused.',
    }
  );
}
