import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

export interface ScriptedUpstream {
  readonly url: string;
  /** Requests whose body has arrived whole. */
  readonly received: { readonly path: string; readonly bytes: number }[];
}

/** An upstream that does what a test says with every request, once its body has arrived (and been thrown away). */
export async function scriptedUpstream(
  context: Pick<TestContext, 'after'>,
  answer: (response: ServerResponse, request: IncomingMessage) => void,
): Promise<ScriptedUpstream> {
  const received: { path: string; bytes: number }[] = [];
  const server = createServer((request, response) => {
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    request.once('end', () => {
      received.push({ path: request.url ?? '', bytes });
      answer(response, request);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received };
}

/** The head and the first event of a chat stream. */
export function beginChatStream(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(
    'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","model":"gpt-5.4-mini","choices":[{"index":0,"delta":{"role":"assistant","content":"a"},"finish_reason":null}]}\n\n',
  );
}

/** Its finish, usage and end. */
export function endChatStream(response: ServerResponse): void {
  response.write(
    'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","model":"gpt-5.4-mini","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n',
  );
  response.write(
    'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","model":"gpt-5.4-mini","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6}}\n\n',
  );
  response.end('data: [DONE]\n\n');
}
