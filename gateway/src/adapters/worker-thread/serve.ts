import type { MessagePort } from 'node:worker_threads';
import type { Log } from '#kernel/log.ts';
import { toWireError, type FromWorker, type LogLevel, type ToWorker } from './messages.ts';

type Method = (...parameters: readonly unknown[]) => unknown;

function methodOf(services: object, call: { readonly service: string; readonly method: string }): Method {
  const service: unknown = Object.hasOwn(services, call.service) ? Reflect.get(services, call.service) : undefined;
  const method: unknown =
    typeof service === 'object' && service !== null ? Reflect.get(service, call.method) : undefined;
  if (typeof method !== 'function') throw new Error(`The worker has no ${call.service}.${call.method}.`);
  return (...parameters) => Reflect.apply(method, service, parameters) as unknown;
}

/**
 * Answers the calls that arrive on the port, each as soon as its method's promise settles; they do not wait for each
 * other. Tells the other side that the worker is ready. Whatever a method throws travels as code and message.
 */
export function serve(port: MessagePort, services: object): void {
  const post = (message: FromWorker): void => port.postMessage(message);
  const answer = async (call: Extract<ToWorker, { kind: 'call' }>): Promise<void> => {
    try {
      const value = await methodOf(services, call)(...call.parameters);
      if (call.id !== null) post({ kind: 'result', id: call.id, value });
    } catch (thrown) {
      if (call.id !== null) post({ kind: 'error', id: call.id, error: toWireError(thrown) });
      else
        logTo(port).error(
          { error: toWireError(thrown).message, call: `${call.service}.${call.method}` },
          'a worker call failed',
        );
    }
  };
  port.on('message', (message: ToWorker) => {
    if (message.kind === 'end') port.close();
    else void answer(message);
  });
  post({ kind: 'ready' });
}

/** A log whose lines are written by the thread that started the worker. Fields have to be plain data. */
export function logTo(port: MessagePort): Log {
  const at =
    (level: LogLevel) =>
    (fields: object, message: string): void =>
      port.postMessage({ kind: 'log', level, fields, message } satisfies FromWorker);
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
