import { probe, type Probed } from '#adapters/probe/http-probe.ts';
import type { Clock } from '#kernel/clock.ts';
import { isJsonObject, parseJsonObject } from '#kernel/json.ts';
import type { Endpoint } from '#model/endpoint.ts';
import type { ModelCatalogue } from '#model/model-catalogue.ts';
import { failed, ok, warning, type Check, type ClockDifferences, type Finding } from './finding.ts';
import { oneLine, type Tokens } from './tokens.ts';

export interface EndpointLooks {
  readonly tokens: Tokens;
  readonly catalogue: ModelCatalogue;
  readonly clock: Clock;
  readonly clocks: ClockDifferences;
  /** Make one small call, which is paid. */
  readonly call: boolean;
}

type Operation = 'chat.completions' | 'responses' | 'embeddings';

const paths: Readonly<Record<Operation, string>> = {
  'chat.completions': '/chat/completions',
  responses: '/responses',
  embeddings: '/embeddings',
};

/** The smallest call that is answered. */
const smallest: Readonly<Record<Operation, object>> = {
  'chat.completions': { messages: [{ role: 'user', content: 'ping' }], max_completion_tokens: 16 },
  responses: { input: 'ping', max_output_tokens: 16 },
  embeddings: { input: 'ping' },
};

export function endpointChecks(endpoints: Iterable<Endpoint>, looks: EndpointLooks): readonly Check[] {
  return [...endpoints].map((endpoint) => {
    const name = `endpoint ${endpoint.name}`;
    return { name, run: async () => [await new EndpointLook(name, endpoint, looks).run()] };
  });
}

class EndpointLook {
  readonly #name: string;
  readonly #endpoint: Endpoint;
  readonly #looks: EndpointLooks;

  constructor(name: string, endpoint: Endpoint, looks: EndpointLooks) {
    this.#name = name;
    this.#endpoint = endpoint;
    this.#looks = looks;
  }

  async run(): Promise<Finding> {
    const headers = await this.#credential();
    if (headers === undefined) return failed(this.#name, 'there is no token to show it', 'See the token above.');
    const listed = await this.#ask('/models', headers);
    const wrong = this.#refusal(listed);
    if (wrong !== undefined) return wrong;
    const operation = this.#operation();
    if (operation === undefined)
      return ok(this.#name, `${whereOf(this.#endpoint)} answers; its deployment was not asked`);
    return this.#deployment(await this.#ask(paths[operation], headers, operation), operation);
  }

  async #credential(): Promise<Readonly<Record<string, string>> | undefined> {
    const { credential } = this.#endpoint;
    if (credential.kind === 'api-key') return { 'api-key': credential.key };
    const token = await this.#looks.tokens.get(credential.provider, credential.scope);
    return token.ok ? { authorization: `Bearer ${token.text}` } : undefined;
  }

  async #ask(path: string, headers: Readonly<Record<string, string>>, operation?: Operation): Promise<Probed> {
    const { resource, surface, deployment } = this.#endpoint;
    const { clock, clocks, call } = this.#looks;
    const base = surface.kind === 'v1' ? `${resource}/openai/v1` : `${resource}/openai`;
    const version = surface.kind === 'v1' ? '' : `?api-version=${surface.apiVersion}`;
    const isOfDeployment = surface.kind === 'classic' && operation !== undefined && operation !== 'responses';
    const url = `${base}${isOfDeployment ? `/deployments/${encodeURIComponent(deployment)}` : ''}${path}${version}`;
    // Without its input it is refused before anything is generated, and only where the deployment exists.
    const body = operation && JSON.stringify({ model: deployment, ...(call ? smallest[operation] : {}) });
    const answer = await probe({ url, headers, ...(body === undefined ? {} : { body }) }, clock);
    if (answer.reached) clocks.add(new URL(resource).hostname, answer.aheadMs);
    return answer;
  }

  /** What the resource has against the gateway; undefined where nothing. */
  #refusal(answer: Probed): Finding | undefined {
    const where = whereOf(this.#endpoint);
    if (!answer.reached) return failed(this.#name, `${where}: ${answer.why}`, answer.fix);
    const { status } = answer;
    const said = `${where} answers ${status}${saidBy(answer.text)}`;
    const byKey = this.#endpoint.credential.kind === 'api-key';
    if (status === 401)
      return failed(
        this.#name,
        said,
        byKey
          ? 'The key is wrong, or the resource takes none (local authentication off): use auth: managed-identity.'
          : 'Give the identity the role Cognitive Services OpenAI User on the resource (it takes minutes to hold), and see that its tenant is the one of the resource.',
      );
    if (status === 403)
      return failed(
        this.#name,
        said,
        'Its network rules keep this network out (use its private endpoint), or the identity lacks Cognitive Services OpenAI User.',
      );
    if (status === 404)
      return failed(this.#name, said, 'No such resource or surface: correct `resource` or `apiVersion`.');
    if (status >= 500) return warning(this.#name, said, 'The resource has trouble: look at its health in the portal.');
    return undefined;
  }

  #operation(): Operation | undefined {
    const { model, deploymentType } = this.#endpoint;
    if (deploymentType.endsWith('Batch')) return undefined;
    const capabilities = this.#looks.catalogue.get(model)?.capabilities ?? ['chat.completions'];
    return (['chat.completions', 'responses', 'embeddings'] as const).find((one) => capabilities.includes(one));
  }

  #deployment(answer: Probed, operation: Operation): Finding {
    const { deployment } = this.#endpoint;
    const wrong = answer.reached && answer.status === 404 ? undefined : this.#refusal(answer);
    if (wrong !== undefined || !answer.reached) return wrong ?? failed(this.#name, 'it cannot be reached', '');
    const { status, text, ms } = answer;
    const where = whereOf(this.#endpoint);
    if (status === 404)
      return failed(
        this.#name,
        `${where} has no deployment '${deployment}'${saidBy(text)}`,
        'Make it, or correct `deployment`; a new one is there after five minutes.',
      );
    if (status === 429) return warning(this.#name, `${where} is throttled${saidBy(text)}`, 'Raise its quota, or wait.');
    if (status === 200) return ok(this.#name, `${where}: a ${operation} call was answered in ${ms} ms${usageIn(text)}`);
    if (this.#looks.call)
      return failed(this.#name, `the call is refused: ${status}${saidBy(text)}`, 'See what it says.');
    return ok(this.#name, `${where}: deployment '${deployment}' is there, ${ms} ms`);
  }
}

const whereOf = ({ resource }: Endpoint): string => new URL(resource).host;

function saidBy(text: string): string {
  const error = parseJsonObject(text)?.['error'];
  const message = isJsonObject(error) ? error['message'] : undefined;
  return typeof message === 'string' ? `: ${oneLine(message)}` : '';
}

function usageIn(text: string): string {
  const total = /"total_tokens"\s*:\s*(\d+)/.exec(text)?.[1];
  return total === undefined ? '' : `, ${total} tokens, not in the ledger`;
}
