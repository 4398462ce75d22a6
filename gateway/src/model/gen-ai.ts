import type { Endpoint } from './endpoint.ts';
import type { Operation } from './operation.ts';

/** `gen_ai.provider.name` of Azure OpenAI. Source: OpenTelemetry, Semantic conventions for generative AI. */
export const genAiProvider = 'azure.ai.openai';

const names: Readonly<Record<Operation, string>> = {
  'chat.completions': 'chat',
  responses: 'chat',
  completions: 'text_completion',
  embeddings: 'embeddings',
  'batches.create': 'batches.create',
  'models.list': 'models.list',
  'models.retrieve': 'models.retrieve',
};

/** `gen_ai.operation.name`. Responses generate as chats do; `openai.api.type` tells them apart. */
export function genAiOperation(operation: Operation): string {
  return names[operation];
}

/** `server.address` and `server.port` of an endpoint, and the origin that its paths follow. */
export interface Server {
  readonly address: string;
  readonly port: number;
}

const servers = new WeakMap<Endpoint, Server>();

export function serverOf(endpoint: Endpoint): Server {
  let server = servers.get(endpoint);
  if (server === undefined) {
    const { hostname, port, protocol } = new URL(endpoint.resource);
    const usual = protocol === 'http:' ? 80 : 443;
    server = { address: hostname, port: port === '' ? usual : Number(port) };
    servers.set(endpoint, server);
  }
  return server;
}
