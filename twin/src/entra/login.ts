import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '#kernel/clock.ts';
import type { IdSource } from '#kernel/ids.ts';
import { parseJsonObject, textAt } from '#kernel/json.ts';
import type { ServiceFault, ServiceFaults } from '#services/faults.ts';
import { readBody } from '#wire/body.ts';
import { sendJson, type JsonReply } from '#wire/json-reply.ts';
import { resourceNamed, type EntraSettings } from './config.ts';
import type { TokenIssuer } from './tokens.ts';

export interface LoginParts {
  readonly settings: EntraSettings;
  readonly issuer: TokenIssuer;
  readonly faults: ServiceFaults;
  readonly clock: Clock;
  readonly ids: IdSource;
}

const operations: Readonly<Record<string, string>> = {
  'GET /v2.0/.well-known/openid-configuration': 'metadata',
  'GET /.well-known/openid-configuration': 'metadata',
  'GET /discovery/v2.0/keys': 'keys',
  'GET /discovery/keys': 'keys',
  'POST /oauth2/v2.0/token': 'token',
};

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** The login service of Microsoft Entra, as far as applications need it: metadata, keys, tokens for applications. */
export class Login {
  readonly #parts: LoginParts;

  constructor(parts: LoginParts) {
    this.#parts = parts;
  }

  /** Answers a request; false where it is not for this service. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const url = new URL(request.url ?? '/', 'https://login');
    if (url.pathname === '/common/discovery/instance') {
      sendJson(response, this.#instances(authorityOf(request)));
      return true;
    }
    const [, tenant = '', rest = ''] = /^\/([^/]+)(\/.*)$/.exec(url.pathname) ?? [];
    const operation = operations[`${request.method} ${rest}`];
    if (operation === undefined) return false;
    const struck = new Set<ServiceFault['kind']>();
    if (await this.#parts.faults.strike({ service: 'entra', operation }, response, struck)) return true;
    sendJson(response, await this.#answer(request, { tenant: tenant.toLowerCase(), rest, operation, struck }));
    return true;
  }

  async #answer(
    request: IncomingMessage,
    asked: {
      readonly tenant: string;
      readonly rest: string;
      readonly operation: string;
      readonly struck: ReadonlySet<ServiceFault['kind']>;
    },
  ): Promise<JsonReply> {
    const { tenant, rest, operation, struck } = asked;
    const authority = authorityOf(request);
    if (!this.#parts.settings.tenants.includes(tenant))
      return this.#refused(400, {
        error: 'invalid_tenant',
        code: 90002,
        message: `Tenant '${tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.`,
      });
    if (operation === 'keys') return { status: 200, body: this.#parts.issuer.keySet(`${authority}/${tenant}/v2.0`) };
    if (operation === 'metadata') return { status: 200, body: metadata(authority, tenant, rest.startsWith('/v2.0')) };
    return this.#token(new URLSearchParams((await readBody(request)) ?? ''), { tenant, authority, struck });
  }

  #token(
    form: URLSearchParams,
    at: { readonly tenant: string; readonly authority: string; readonly struck: ReadonlySet<ServiceFault['kind']> },
  ): JsonReply {
    const { settings, issuer } = this.#parts;
    const clientId = (form.get('client_id') ?? '').toLowerCase();
    const scope = form.get('scope') ?? '';
    const wrong = this.#refusal(form, clientId, scope);
    if (wrong !== undefined) return wrong;
    const resource = resourceNamed(scope.slice(0, -'/.default'.length), settings);
    if (resource === undefined)
      return this.#refused(400, {
        error: 'invalid_resource',
        code: 500011,
        message: `The resource principal named ${scope} was not found in the tenant named ${at.tenant}.`,
      });
    const application = settings.applications[clientId];
    const lifetime = at.struck.has('expired') ? -600 : settings.lifetimeSeconds;
    const token = issuer.issue(
      {
        tenant: at.tenant,
        clientId,
        audience: at.struck.has('wrong-audience') ? 'https://graph.microsoft.com' : resource.audience,
        version: resource.version,
        roles: (resource.clientId === undefined ? undefined : application?.roles[resource.clientId]) ?? [],
        groups: application?.groups ?? [],
        lifetimeSeconds: lifetime,
      },
      at.authority,
    );
    const expiresIn = Math.max(0, lifetime - 1);
    return {
      status: 200,
      body: { token_type: 'Bearer', expires_in: expiresIn, ext_expires_in: expiresIn, access_token: token },
    };
  }

  /** What is wrong with a request for a token; undefined where nothing is. */
  #refusal(form: URLSearchParams, clientId: string, scope: string): JsonReply | undefined {
    const application = this.#parts.settings.applications[clientId];
    if (form.get('grant_type') !== 'client_credentials')
      return this.#refused(400, {
        error: 'unsupported_grant_type',
        code: 70003,
        message: 'The app requested an unsupported grant type.',
      });
    if (application === undefined)
      return this.#refused(400, {
        error: 'unauthorized_client',
        code: 700016,
        message: `Application with identifier '${clientId}' was not found in the directory.`,
      });
    if (!signedIn(form, application.secret))
      return this.#refused(401, { error: 'invalid_client', code: 7000215, message: 'Invalid client secret provided.' });
    if (!scope.endsWith('/.default') || scope.includes(' '))
      return this.#refused(400, {
        error: 'invalid_scope',
        code: 1002012,
        message: `The provided value for scope ${scope} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).`,
      });
    return undefined;
  }

  #refused(
    status: number,
    what: { readonly error: string; readonly code: number; readonly message: string },
  ): JsonReply {
    const { clock, ids } = this.#parts;
    const trace = ids.uuid();
    const correlation = ids.uuid();
    const at = new Date(clock.now()).toISOString().replace('T', ' ').replace(/\.\d+/, '');
    return {
      status,
      body: {
        error: what.error,
        error_description: `AADSTS${what.code}: ${what.message} Trace ID: ${trace} Correlation ID: ${correlation} Timestamp: ${at}`,
        error_codes: [what.code],
        timestamp: at,
        trace_id: trace,
        correlation_id: correlation,
      },
    };
  }

  /** The only cloud that there is here. */
  #instances(authority: string): JsonReply {
    const [tenant = ''] = this.#parts.settings.tenants;
    const { host } = new URL(authority);
    return {
      status: 200,
      body: {
        tenant_discovery_endpoint: `${authority}/${tenant}/v2.0/.well-known/openid-configuration`,
        'api-version': '1.1',
        metadata: [{ preferred_network: host, preferred_cache: host, aliases: [host] }],
      },
    };
  }
}

/** A secret, or a token of the platform that runs the application (workload identity), which is taken on trust. */
function signedIn(form: URLSearchParams, secret: string | undefined): boolean {
  if (form.get('client_assertion_type') === assertionType) {
    const payload = (form.get('client_assertion') ?? '').split('.')[1] ?? '';
    return textAt(parseJsonObject(Buffer.from(payload, 'base64url').toString()), 'iss') !== undefined;
  }
  return secret !== undefined && form.get('client_secret') === secret;
}

function authorityOf(request: IncomingMessage): string {
  const secure = 'encrypted' in request.socket;
  return `${secure ? 'https' : 'http'}://${request.headers.host ?? 'twin'}`;
}

function metadata(authority: string, tenant: string, second: boolean): object {
  const at = `${authority}/${tenant}`;
  return {
    token_endpoint: `${at}/oauth2/v2.0/token`,
    token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt', 'client_secret_basic'],
    jwks_uri: second ? `${at}/discovery/v2.0/keys` : `${at}/discovery/keys`,
    response_modes_supported: ['query', 'fragment', 'form_post'],
    subject_types_supported: ['pairwise'],
    id_token_signing_alg_values_supported: ['RS256'],
    response_types_supported: ['code', 'id_token', 'code id_token', 'id_token token'],
    scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
    issuer: second ? `${at}/v2.0` : `https://sts.windows.net/${tenant}/`,
    authorization_endpoint: `${at}/oauth2/v2.0/authorize`,
    device_authorization_endpoint: `${at}/oauth2/v2.0/devicecode`,
    end_session_endpoint: `${at}/oauth2/v2.0/logout`,
    tenant_region_scope: 'EU',
    cloud_instance_name: new URL(authority).host,
  };
}
