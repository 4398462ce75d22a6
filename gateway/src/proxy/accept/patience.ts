import type { IncomingMessage } from 'node:http';

const patient = new WeakSet<IncomingMessage>();

/** Whoever reads the body watches over its time from now on: the time that is set for all requests does not end it. */
export function readInOwnTime(request: IncomingMessage): void {
  patient.add(request);
}

export function isReadInOwnTime(request: IncomingMessage): boolean {
  return patient.has(request);
}
