import { Pool, type Dispatcher } from 'undici';
import { UpstreamConnections } from '#proxy/upstream/connections.ts';

/** One call as an upstream sees it, answered by the test. */
export interface Call {
  readonly handler: Dispatcher.DispatchHandler;
  readonly controller: Dispatcher.DispatchController;
}

/** An upstream without sockets: it says what a test tells it to, when it tells it. */
export class ScriptedPool extends Pool {
  readonly calls: Call[] = [];
  onCall: (call: Call) => void = () => {};

  override dispatch(_options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const controller: Dispatcher.DispatchController = {
      aborted: false,
      paused: false,
      reason: null,
      pause() {},
      resume() {},
      abort: (reason: Error) => handler.onResponseError?.(controller, reason),
    };
    const call = { handler, controller };
    this.calls.push(call);
    handler.onRequestStart?.(controller, undefined);
    this.onCall(call);
    return true;
  }
}

/** The head of an answer, and the beginning of its body. */
export function answer({ handler, controller }: Call, status: number, body: string): void {
  handler.onResponseStart?.(controller, status, { 'content-type': 'application/json' }, undefined);
  if (body !== '') handler.onResponseData?.(controller, Buffer.from(body));
}

/** The head of a stream, and its first event. */
export function beginStream({ handler, controller }: Call): void {
  handler.onResponseStart?.(controller, 200, { 'content-type': 'text/event-stream' }, undefined);
  handler.onResponseData?.(controller, Buffer.from('data: {}\n\n'));
}

/** Every endpoint is the same scripted upstream. */
export class ScriptedConnections extends UpstreamConnections {
  readonly pool = new ScriptedPool('http://upstream.invalid');

  override to(): Pool {
    return this.pool;
  }
}

/** Until everything that can go on without the world outside has gone on. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}
