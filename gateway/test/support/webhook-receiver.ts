import { createHmac, randomBytes } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { TestContext } from 'node:test';

export interface Received {
  readonly id: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What the receiver does with a request; `hang` leaves it without an answer, `reset` breaks the connection off. */
export type Behaviour = number | 'hang' | 'reset';

export interface WebhookReceiver {
  readonly url: string;
  readonly received: readonly Received[];
  /** For each request to come, in their order; then 204 for ever. */
  behave(...behaviour: readonly Behaviour[]): void;
  /** Resolves when so many requests have come. */
  heard(count: number): Promise<void>;
}

/** A secret as Standard Webhooks has them. */
export const newWebhookSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`;

/** Whether a request is signed with this secret, worked out by itself. */
export function isSigned({ headers, body, id }: Received, secret: string): boolean {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const signature = createHmac('sha256', key)
    .update(`${id}.${String(headers['webhook-timestamp'])}.${body}`)
    .digest('base64');
  return String(headers['webhook-signature']).split(' ').includes(`v1,${signature}`);
}

/** A real HTTP server on a free port, gone when the test is over. */
export async function startWebhookReceiver(context: Pick<TestContext, 'after'>): Promise<WebhookReceiver> {
  const received: Received[] = [];
  const behaviours: Behaviour[] = [];
  let arrived = Promise.withResolvers<void>();
  const answer = (response: ServerResponse): void => {
    const how = behaviours.shift() ?? 204;
    if (how === 'hang') return;
    if (how === 'reset') response.destroy();
    else response.writeHead(how, how === 307 ? { location: '/elsewhere' } : {}).end();
  };
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      received.push({ id: String(request.headers['webhook-id']), headers: request.headers, body });
      arrived.resolve();
      arrived = Promise.withResolvers();
      answer(response);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('The receiver has no port.');
  return {
    url: `http://127.0.0.1:${address.port}/budgets`,
    received,
    behave: (...more) => void behaviours.push(...more),
    async heard(count) {
      while (received.length < count) await arrived.promise;
    },
  };
}
