import type { ServerResponse } from 'node:http';
import { z } from 'zod';
import type { Clock } from '#kernel/clock.ts';
import { sendJson } from '#wire/json-reply.ts';

/** Azure's services beside Azure OpenAI. */
const serviceNames = [
  'entra',
  'identity',
  'logs',
  'key-vault',
  'app-configuration',
  'otlp',
  'application-insights',
] as const;
export type ServiceName = (typeof serviceNames)[number];

export const serviceFaultSchema = z.strictObject({
  service: z.enum(serviceNames),
  operation: z.string().optional().describe('Only this one: `token`, `keys`, `metadata`, …'),
  kind: z.enum(['status', 'slow', 'reset', 'malformed', 'expired', 'wrong-audience', 'partial', 'redirect']),
  status: z
    .number()
    .int()
    .min(300)
    .max(599)
    .default(503)
    .describe('`status`, `redirect`: what is answered; `partial`: why the first item is not taken.'),
  retryAfter: z.number().int().nonnegative().optional().describe('`status`: seconds.'),
  retryAfterMs: z.number().int().nonnegative().optional().describe('`status`: milliseconds, in `retry-after-ms`.'),
  ms: z.number().int().positive().default(1000).describe('`slow`: how late the answer is.'),
  times: z.number().int().positive().nullable().default(1).describe('Null: always.'),
});
export type ServiceFault = z.output<typeof serviceFaultSchema>;
export type ServiceFaultInput = z.input<typeof serviceFaultSchema>;

const usualWords = (status: number): object => ({
  error: status === 429 ? 'too_many_requests' : 'temporarily_unavailable',
  error_description: 'On request.',
});

interface Entry {
  readonly fault: ServiceFault;
  left: number;
}

function isAt(
  { service, operation }: ServiceFault,
  at: { readonly service: ServiceName; readonly operation: string },
): boolean {
  return service === at.service && (operation === undefined || operation === at.operation);
}

/** What goes wrong with Azure's services, on request. */
export class ServiceFaults {
  readonly #clock: Clock;
  #entries: Entry[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(fault: ServiceFault): void {
    this.#entries.push({ fault, left: fault.times ?? Infinity });
  }

  /** How many there were. */
  clear(): number {
    const { length } = this.#entries;
    this.#entries = [];
    return length;
  }

  /**
   * Lets the oldest fault of each kind happen to a call. True where it has been answered, or broken off. `expired` and
   * `wrong-audience` are left to the service: `faults` collects them. `words`: how the service puts an error.
   */
  async strike(
    at: {
      readonly service: ServiceName;
      readonly operation: string;
      readonly words?: (status: number) => object;
    },
    response: ServerResponse,
    faults: Set<ServiceFault['kind']>,
  ): Promise<boolean> {
    for (const fault of this.#due(at)) {
      faults.add(fault.kind);
      if (fault.kind === 'slow')
        await new Promise<void>((resolve) => {
          this.#clock.after(fault.ms, resolve);
        });
      if (fault.kind === 'reset') {
        response.destroy();
        return true;
      }
      if (fault.kind === 'malformed') {
        response.writeHead(200, { 'content-type': 'application/json' }).end('{"value": [');
        return true;
      }
      if (fault.kind === 'status') {
        const { status, retryAfter, retryAfterMs } = fault;
        sendJson(response, {
          status,
          headers: {
            ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
            ...(retryAfterMs === undefined ? {} : { 'retry-after-ms': String(retryAfterMs) }),
          },
          body: (at.words ?? usualWords)(status),
        });
        return true;
      }
    }
    return false;
  }

  /** The oldest fault of a kind that the service itself lets happen: `partial`, `redirect`. */
  take(
    at: { readonly service: ServiceName; readonly operation: string },
    kind: 'partial' | 'redirect',
  ): ServiceFault | undefined {
    const entry = this.#entries.find(({ fault, left }) => fault.kind === kind && left > 0 && isAt(fault, at));
    if (entry === undefined) return undefined;
    entry.left -= 1;
    this.#entries = this.#entries.filter(({ left }) => left > 0);
    return entry.fault;
  }

  #due({ service, operation }: { readonly service: ServiceName; readonly operation: string }): readonly ServiceFault[] {
    const due = new Map<ServiceFault['kind'], Entry>();
    for (const entry of this.#entries) {
      const { fault } = entry;
      const fits = isAt(fault, { service, operation }) && fault.kind !== 'partial' && fault.kind !== 'redirect';
      if (fits && entry.left > 0 && !due.has(fault.kind)) due.set(fault.kind, entry);
    }
    for (const entry of due.values()) entry.left -= 1;
    this.#entries = this.#entries.filter(({ left }) => left > 0);
    // Slowness first: what is refused late is refused all the same.
    return [...due.values()]
      .map(({ fault }) => fault)
      .toSorted((a, b) => Number(b.kind === 'slow') - Number(a.kind === 'slow'));
  }
}
