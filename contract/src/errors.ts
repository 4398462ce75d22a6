import { batchErrors } from './batch-errors.ts';
import type { ErrorDefinition } from './error-definition.ts';
import { limitErrors } from './limit-errors.ts';
import { tokenErrors } from './token-errors.ts';

export type { ErrorDefinition };

const invalid = 'invalid_request_error';

/**
 * Every error that Tollgate itself can answer with: the closed list that data plane, admin API, CLI and
 * documentation share. `docs/reference/errors.md` is generated from it.
 */
export const errorDefinitions = {
  // ── accept
  not_found: {
    status: 404,
    type: invalid,
    plane: 'data',
    meaning: 'No operation matches the path.',
    remedy: 'Check the base URL: `/openai/deployments/{deployment}/…`, `/openai/v1/…` and `/v1/…` are served.',
  },
  method_not_allowed: {
    status: 405,
    type: invalid,
    plane: 'data',
    meaning: 'The path exists, but not with this method.',
    remedy: 'Use the method that the `allow` header names.',
  },
  operation_not_metered: {
    status: 403,
    type: 'permission_error',
    plane: 'data',
    meaning:
      'The operation exists in Azure OpenAI, but Tollgate does not meter it yet and never passes anything through uncounted.',
    remedy: 'Use a served operation; `docs/request-path.md` lists them.',
  },
  malformed_request: {
    status: 400,
    type: invalid,
    plane: 'data',
    meaning: 'The request is not well-formed HTTP.',
    remedy: 'Repair the client.',
  },
  duplicate_header: {
    status: 400,
    type: invalid,
    plane: 'data',
    meaning: 'A header that may stand once (a key, content-type, content-length, api-key …) stands several times.',
    remedy: 'Send it once.',
  },
  headers_too_large: {
    status: 431,
    type: invalid,
    plane: 'data',
    meaning: 'The request line and headers exceed the limit.',
    remedy: 'Send less, or raise `listen.maxHeaderBytes`.',
  },
  request_timeout: {
    status: 408,
    type: invalid,
    plane: 'data',
    meaning: 'The request was not received completely in time.',
    remedy: 'Send faster, or raise `listen.requestTimeout`.',
  },
  missing_api_version: {
    status: 400,
    type: invalid,
    plane: 'data',
    meaning: 'The classic surface needs `?api-version=`.',
    remedy: 'Add a dated api-version, for example `2024-10-21`, or use `/openai/v1/`.',
  },
  invalid_api_version: {
    status: 400,
    type: invalid,
    plane: 'data',
    meaning:
      'The api-version is not `YYYY-MM-DD` or `YYYY-MM-DD-preview` (or, on `/openai/v1/`, not absent, `v1` or `preview`).',
    remedy: 'Correct it.',
  },
  unsupported_media_type: {
    status: 415,
    type: invalid,
    plane: 'data',
    meaning: 'The body is not `application/json` in UTF-8 without content-encoding.',
    remedy: 'Send JSON.',
  },
  request_too_large: {
    status: 413,
    type: invalid,
    plane: 'data',
    meaning: 'The body exceeds the limit.',
    remedy: 'Send less, or raise `listen.maxBodyBytes`.',
  },
  invalid_json: {
    status: 400,
    type: invalid,
    plane: 'data',
    meaning: 'The body is not one JSON object in valid UTF-8.',
    remedy: 'Correct it.',
  },
  invalid_request_body: {
    status: 400,
    type: invalid,
    plane: 'data',
    meaning:
      'A field of the body that Tollgate must understand has the wrong shape, or stands twice; `param` names it.',
    remedy: 'Correct it.',
  },
  // ── consumers
  missing_api_key: {
    status: 401,
    type: 'authentication_error',
    plane: 'data',
    meaning: 'The request carries no subscription key.',
    remedy: 'Send `api-key`, `Authorization: Bearer` or `Ocp-Apim-Subscription-Key`.',
  },
  invalid_api_key: {
    status: 401,
    type: 'authentication_error',
    plane: 'data',
    meaning: 'No subscription has this key.',
    remedy: 'Check the key; it may have been regenerated.',
  },
  subscription_suspended: {
    status: 403,
    type: 'permission_error',
    plane: 'data',
    meaning: 'The subscription is suspended.',
    remedy: 'Ask the platform team.',
  },
  subscription_expired: {
    status: 403,
    type: 'permission_error',
    plane: 'data',
    meaning: 'The subscription has expired.',
    remedy: 'Ask the platform team.',
  },
  ...tokenErrors,
  // ── policies
  DeploymentNotFound: {
    status: 404,
    type: invalid,
    plane: 'data',
    meaning: 'No model of this name is served (classic surface).',
    remedy: 'List what may be used: `GET /openai/models?api-version=…`.',
  },
  model_not_found: {
    status: 404,
    type: invalid,
    plane: 'data',
    meaning: 'No model of this name is served (v1 surface).',
    remedy: 'List what may be used: `GET /openai/v1/models`.',
  },
  model_not_allowed: {
    status: 403,
    type: 'permission_error',
    plane: 'data',
    meaning: "The caller's product does not include this model.",
    remedy: 'Ask the platform team, or use a model of the list.',
  },
  cap_exceeded: {
    status: 400,
    type: invalid,
    plane: 'data',
    meaning: 'The call asks for more than the product allows in one call; `param` names the field.',
    remedy: 'Ask for less.',
  },
  unsupported_parameter: {
    status: 400,
    type: invalid,
    plane: 'data',
    meaning: "The parameter cannot be carried by the model's endpoints, or not be metered; `param` names it.",
    remedy: 'Leave it out.',
  },
  previous_response_not_found: {
    status: 404,
    type: invalid,
    plane: 'data',
    meaning: 'There is no previous response with this id, or it belongs to another caller.',
    remedy: 'Use the id of a response that the same subscription was given.',
  },
  response_not_found: {
    status: 404,
    type: invalid,
    plane: 'data',
    meaning: 'There is no stored response with this id, or it belongs to another caller.',
    remedy: 'Use the id of a response that the same subscription was given, and that was stored (`store`).',
  },
  conversation_not_found: {
    status: 404,
    type: invalid,
    plane: 'data',
    meaning: 'There is no conversation with this id (or no such item in it), or it belongs to another caller.',
    remedy: 'Use the id of a conversation that the same subscription was given.',
  },
  invalid_encrypted_content: {
    status: 400,
    type: invalid,
    plane: 'data',
    meaning:
      'Encrypted content in the input (reasoning or a compaction of an earlier turn) is not the one that this caller was given, or no one resource can read all of it.',
    remedy: 'Leave it out: the model then goes on from what was said, without what it thought.',
  },
  ...batchErrors,
  affinity_not_supported: {
    status: 400,
    type: invalid,
    plane: 'data',
    meaning:
      'The call refers to something that lives in one resource (a file, an item, a stored prompt), and the model is served by several; or to a response or a conversation that lives where the model is not served.',
    remedy: 'Send the content itself, refer to a previous response, or use a model that is served by one resource.',
  },
  model_unpriced: {
    status: 403,
    type: 'permission_error',
    plane: 'data',
    meaning: 'A deployment that may serve the call has no price, and the product refuses unpriced calls.',
    remedy: 'Add a price (`prices` in the configuration), or set `unpriced: allow-and-flag` on the product.',
  },
  policy_failed: {
    status: 500,
    type: 'server_error',
    plane: 'data',
    meaning: 'A policy step failed; the call was not sent on.',
    remedy: 'Give the request id to the platform team.',
  },
  ...limitErrors,
  // ── backend
  upstream_throttled: {
    status: 429,
    type: 'rate_limit_error',
    plane: 'data',
    meaning:
      'Every endpoint of the model is throttled or busy, and waiting for one, where that is allowed, was in vain.',
    remedy: 'Wait as `retry-after` says.',
  },
  upstream_unavailable: {
    status: 503,
    type: 'server_error',
    plane: 'data',
    meaning: 'No endpoint of the model could be reached, or all answered with a server error.',
    remedy: 'Try later.',
  },
  upstream_timeout: {
    status: 504,
    type: 'server_error',
    plane: 'data',
    meaning: 'The upstream did not answer, or went silent, before the deadline.',
    remedy: 'Try later, or raise `models.<name>.deadline`.',
  },
  upstream_misconfigured: {
    status: 502,
    type: 'server_error',
    plane: 'data',
    meaning: "The upstream refused Tollgate's own credentials or does not know the deployment.",
    remedy: 'The platform team finds the endpoint under the request id in the log.',
  },
  upstream_invalid_reply: {
    status: 502,
    type: 'server_error',
    plane: 'data',
    meaning: 'The upstream answered with something that is no reply of the operation, or broke off.',
    remedy: 'Try later.',
  },
  ledger_unavailable: {
    status: 503,
    type: 'server_error',
    plane: 'data',
    meaning:
      'What cannot be recorded is not served: the journal cannot be written, or the store has fallen behind it by more ' +
      'than `ledger.backlog.bytes`.',
    remedy:
      'Try again after `retry-after`. The platform team checks disk and store; `/readyz` says which of them it is.',
  },
  shutting_down: {
    status: 503,
    type: 'server_error',
    plane: 'data',
    meaning: 'The gateway is draining.',
    remedy: 'Try again; another replica answers.',
  },
  internal_error: {
    status: 500,
    type: 'server_error',
    plane: 'data',
    meaning: 'Something failed inside Tollgate.',
    remedy: 'Give the request id to the platform team.',
  },
  // ── admin API
  admin_unauthorized: {
    status: 401,
    type: 'authentication_error',
    plane: 'admin',
    meaning: 'The admin token is missing or wrong.',
    remedy: 'Send `Authorization: Bearer` with the content of `admin-token` in the data folder.',
  },
  admin_wrong_host: {
    status: 421,
    type: invalid,
    plane: 'admin',
    meaning: 'The admin API listens on a loopback address, and the `host` header names something else.',
    remedy:
      'Call it as `localhost` or by its address; a page of another site that reaches it by DNS rebinding is turned away.',
  },
  admin_too_large: {
    status: 413,
    type: invalid,
    plane: 'admin',
    meaning: 'The body exceeds 1 MiB.',
    remedy: 'Send less.',
  },
  admin_not_found: {
    status: 404,
    type: invalid,
    plane: 'admin',
    meaning: 'Nothing of this name exists.',
    remedy: 'It may be mistyped, or gone: a list shows what there is.',
  },
  admin_invalid: {
    status: 400,
    type: invalid,
    plane: 'admin',
    meaning: 'The request does not fit the schema.',
    remedy: 'See `/openapi.json`.',
  },
  admin_conflict: {
    status: 409,
    type: invalid,
    plane: 'admin',
    meaning: 'Something of this name exists, or the change contradicts what exists.',
    remedy: 'Choose another name, or change what exists.',
  },
  admin_read_only: {
    status: 409,
    type: invalid,
    plane: 'admin',
    meaning: 'It is declared in the configuration file and can be changed only there.',
    remedy: 'Edit the file; it is reloaded while running.',
  },
  admin_unready: {
    status: 503,
    type: 'server_error',
    plane: 'admin',
    meaning:
      'What the work needs is not there yet: the store is behind the journal, or another gateway does such work.',
    remedy: 'Try again in a moment; `GET /admin/v1/ledger/lag` says how far the store is behind.',
  },
  admin_internal: {
    status: 500,
    type: 'server_error',
    plane: 'admin',
    meaning: 'Something failed inside Tollgate.',
    remedy: 'Look for the id in the log.',
  },
} as const satisfies Record<string, ErrorDefinition>;

export type ErrorCode = keyof typeof errorDefinitions;

/** The body of an error in the Azure OpenAI / OpenAI dialect. */
export interface DialectError {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
  };
}
