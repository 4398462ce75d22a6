import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ServiceFault } from '#services/faults.ts';
import { sendJson, type JsonReply } from '#wire/json-reply.ts';
import { resourceNamed } from './config.ts';
import type { LoginParts } from './login.ts';

/** The instance metadata service of virtual machines, and what Container Apps and App Service name in `IDENTITY_ENDPOINT`. */
const paths: ReadonlyMap<string, 'machine' | 'container'> = new Map([
  ['/metadata/identity/oauth2/token', 'machine'],
  ['/msi/token', 'container'],
]);

const refused = (status: number, error: string, description: string): JsonReply => ({
  status,
  body: { error, error_description: description },
});

interface Asked {
  readonly endpoint: 'machine' | 'container';
  readonly query: URLSearchParams;
  readonly struck: ReadonlySet<ServiceFault['kind']>;
}

/** The token endpoints that code in Azure asks; over plain http, as there. */
export class ManagedIdentity {
  readonly #parts: LoginParts;
  /** Where tokens come from, as they name it. */
  readonly #authority: () => string;
  /** Tokens that were asked for, ever. */
  asked = 0;
  /** The identities that tokens were given to, by client id, in order. */
  readonly identities: string[] = [];

  constructor(parts: LoginParts, authority: () => string) {
    this.#parts = parts;
    this.#authority = authority;
  }

  /** Answers a request; false where it is not for this service. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const url = new URL(request.url ?? '/', 'http://identity');
    const endpoint = paths.get(url.pathname.replace(/\/$/, ''));
    if (endpoint === undefined) return false;
    this.asked += 1;
    const struck = new Set<ServiceFault['kind']>();
    if (await this.#parts.faults.strike({ service: 'identity', operation: 'token' }, response, struck)) return true;
    sendJson(response, this.#answer(request, { endpoint, query: url.searchParams, struck }));
    return true;
  }

  #answer(request: IncomingMessage, asked: Asked): JsonReply {
    const { settings } = this.#parts;
    const { endpoint, query } = asked;
    if (request.method !== 'GET') return refused(405, 'invalid_request', 'GET is the only method.');
    if (endpoint === 'machine' && request.headers['metadata'] !== 'true')
      return refused(400, 'invalid_request', 'Required metadata header not specified');
    if (endpoint === 'container' && request.headers['x-identity-header'] !== settings.identityHeader)
      return refused(401, 'unauthorized', 'X-IDENTITY-HEADER is missing or wrong.');
    if (query.get('api-version') === null)
      return refused(400, 'invalid_request', 'api-version was not specified in the request');
    const name = query.get('resource') ?? '';
    const resource = resourceNamed(name, settings);
    if (resource === undefined)
      return refused(
        400,
        'invalid_resource',
        `AADSTS500011: The resource principal named ${name} was not found in the tenant.`,
      );
    const clientId = query.get('client_id')?.toLowerCase();
    const identity = settings.identities.find((one) =>
      clientId === undefined ? one.system : one.clientId === clientId,
    );
    if (identity === undefined) return refused(400, 'invalid_request', 'Identity not found');
    this.identities.push(identity.clientId);
    return this.#token(identity.clientId, { ...asked, audience: resource.audience, version: resource.version, name });
  }

  #token(
    clientId: string,
    asked: Asked & { readonly audience: string; readonly version: 1 | 2; readonly name: string },
  ): JsonReply {
    const { settings, issuer, clock } = this.#parts;
    const lifetime = asked.struck.has('expired') ? -600 : settings.lifetimeSeconds;
    const [tenant = ''] = settings.tenants;
    const now = Math.floor(clock.now() / 1000);
    const token = issuer.issue(
      {
        tenant,
        clientId,
        audience: asked.struck.has('wrong-audience') ? 'https://graph.microsoft.com' : asked.audience,
        version: asked.version,
        lifetimeSeconds: lifetime,
      },
      this.#authority(),
    );
    return {
      status: 200,
      body: {
        access_token: token,
        client_id: clientId,
        expires_on: String(now + lifetime),
        resource: asked.name,
        token_type: 'Bearer',
        ...(asked.endpoint === 'machine'
          ? { expires_in: String(lifetime), ext_expires_in: String(lifetime), not_before: String(now - 300) }
          : {}),
      },
    };
  }
}
