import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { keyValueSchema, type KeyValueInput } from '#app-configuration/key-values.ts';
import { batchSteps, type Batches } from '#azure-openai/batch-book.ts';
import type { LimitSettings } from '#azure-openai/capacity.ts';
import type { Deployment, Estate } from '#azure-openai/estate.ts';
import { faultSchema } from '#faults/fault.ts';
import type { Faults } from '#faults/faults.ts';
import type { Holds } from '#faults/holds.ts';
import { parseJson } from '#kernel/json.ts';
import { storedSecretSchema } from '#key-vault/service.ts';
import type { Recent } from '#kernel/recent.ts';
import type { UsageBook } from '#record/book.ts';
import type { Recordings } from '#replay/recordings.ts';
import { addedPriceSchema } from '#retail-prices/price-data.ts';
import type { RetailPrices } from '#retail-prices/service.ts';
import { serviceFaultSchema } from '#services/faults.ts';
import { readBody } from '#wire/body.ts';
import type { SlowReaders } from '#wire/slow-readers.ts';
import { tokenContentSchema, type AzureServices } from './azure-services.ts';

export interface ControlParts {
  readonly book: UsageBook;
  readonly faults: Faults;
  readonly holds: Holds;
  readonly slowReaders: SlowReaders;
  readonly estate: Estate;
  readonly recordings: Recordings | undefined;
  readonly responses: Pick<Recent<string, unknown>, 'clear'>;
  readonly conversations: Pick<Recent<string, unknown>, 'clear'>;
  readonly files: Pick<Recent<string, unknown>, 'clear'>;
  readonly batches: Pick<Batches, 'move' | 'clear'>;
  readonly retailPrices: RetailPrices;
  readonly azure: AzureServices;
}

const limitsSchema = z.strictObject({
  resource: z.string().optional(),
  deployment: z.string().optional(),
  requestsPerMinute: z.number().int().positive().optional(),
  requestWindowSeconds: z.union([z.literal(1), z.literal(10)]).optional(),
  tokensPerMinute: z.number().int().positive().optional(),
  ptu: z.number().int().positive().optional(),
  utilization: z.number().nonnegative().nullable().optional(),
});
const releaseSchema = z.strictObject({ id: z.string().optional() });
const priceChangesSchema = z.strictObject({
  publish: z.array(addedPriceSchema).default([]),
  withdraw: z.array(z.string()).default([]),
});
const batchesSchema = z.strictObject({ to: z.enum(batchSteps).default('next') });
const replaySchema = z.strictObject({ file: z.string(), times: z.number().int().positive().max(10_000).default(1) });

interface Asked {
  readonly text: string;
  readonly query: URLSearchParams;
}

interface Answer {
  readonly status: number;
  readonly body: object;
}

/** The twin's own interface under `/_twin/`: what tests read and set. Not a part of Azure; open to whoever reaches it. */
export class Control {
  private readonly parts: ControlParts;
  private readonly endpoints: ReadonlyMap<string, (asked: Asked) => Answer>;

  constructor(parts: ControlParts) {
    this.parts = parts;
    this.endpoints = this.table();
  }

  /** Answers a request; false where the path is not the twin's own. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const url = new URL(request.url ?? '/', 'http://twin');
    if (url.pathname !== '/_twin' && !url.pathname.startsWith('/_twin/')) return false;
    const text = (await readBody(request)) ?? '';
    const { status, body } = this.answer(`${request.method} ${url.pathname}`, { text, query: url.searchParams });
    const reply = `${JSON.stringify(body)}\n`;
    response
      .writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(reply) })
      .end(reply);
    return true;
  }

  /** Forgets all that happened: record, faults, replay queue, caches, limit windows, and whatever is stored. */
  reset(): void {
    const { book, faults, holds, estate, recordings, responses, conversations, files, batches } = this.parts;
    const { retailPrices, azure } = this.parts;
    book.reset();
    faults.remove();
    holds.release();
    estate.reset();
    recordings?.clear();
    responses.clear();
    conversations.clear();
    files.clear();
    batches.clear();
    retailPrices.reset();
    azure.reset();
  }

  /** How many deployments were set. */
  limit(
    settings: LimitSettings & { readonly resource?: string | undefined; readonly deployment?: string | undefined },
  ): number {
    const { resource, deployment, ...limits } = settings;
    const found = this.parts.estate.deployments({ resource, deployment });
    for (const one of found) one.limit(limits);
    return found.length;
  }

  private answer(what: string, given: Asked): Answer {
    const found = this.endpoints.get(what);
    return found === undefined
      ? { status: 404, body: { error: `There is no ${what}.`, endpoints: [...this.endpoints.keys()] } }
      : found(given);
  }

  private table(): ReadonlyMap<string, (asked: Asked) => Answer> {
    const { book, faults, holds, slowReaders, estate, recordings } = this.parts;
    return new Map<string, (asked: Asked) => Answer>([
      ['GET /_twin', () => ok({ endpoints: [...this.endpoints.keys()] })],
      [
        'GET /_twin/health',
        () => ok({ status: 'ok', running: book.running, held: holds.count, blocked: slowReaders.count() }),
      ],
      ['GET /_twin/usage', ({ query }) => ok(book.report(Number(query.get('since') ?? 0) || 0))],
      ['GET /_twin/deployments', () => ok({ resources: [...estate.resources.values()].map(describe) })],
      ['POST /_twin/limits', ({ text }) => read({ text, schema: limitsSchema }, (limits) => this.answerLimits(limits))],
      ['GET /_twin/faults', () => ok({ faults: faults.report(), held: holds.count })],
      [
        'POST /_twin/faults',
        ({ text }) =>
          read({ text, schema: faultSchema }, (fault) => ({ status: 201, body: { id: faults.add(fault) } })),
      ],
      ['DELETE /_twin/faults', ({ query }) => ok({ removed: faults.remove(query.get('id') ?? undefined) })],
      [
        'POST /_twin/release',
        ({ text }) => read({ text, schema: releaseSchema }, ({ id }) => ok({ released: holds.release(id) })),
      ],
      [
        'POST /_twin/batches',
        ({ text }) => read({ text, schema: batchesSchema }, ({ to }) => ok({ moved: this.parts.batches.move(to) })),
      ],
      ['GET /_twin/replay', () => ok({ files: recordings?.names ?? [] })],
      ['POST /_twin/replay', ({ text }) => read({ text, schema: replaySchema }, (next) => this.answerReplay(next))],
      [
        'POST /_twin/prices',
        ({ text }) => read({ text, schema: priceChangesSchema }, (changes) => ok(this.changePrices(changes))),
      ],
      ...this.azureTable(),
      ['POST /_twin/reset', () => this.answerReset()],
    ]);
  }

  private azureTable(): readonly (readonly [string, (asked: Asked) => Answer])[] {
    const { azure } = this.parts;
    return [
      [
        'POST /_twin/services/faults',
        ({ text }) =>
          read({ text, schema: serviceFaultSchema }, (fault) => {
            azure.faults.add(fault);
            return { status: 201, body: { added: true } };
          }),
      ],
      ['DELETE /_twin/services/faults', () => ok({ removed: azure.faults.clear() })],
      [
        'POST /_twin/entra/tokens',
        ({ text }) => read({ text, schema: tokenContentSchema }, (content) => ok({ token: azure.token(content) })),
      ],
      ['GET /_twin/telemetry', ({ query }) => ok(this.telemetry(query.get('trace') ?? undefined))],
      ['GET /_twin/logs', ({ query }) => ok({ rows: azure.logs.rows(query.get('stream') ?? '') })],
      [
        'POST /_twin/key-vault/secrets',
        ({ text }) =>
          read({ text, schema: storedSecretSchema }, (secret) => ok({ version: azure.keyVault.set(secret) })),
      ],
      [
        'POST /_twin/app-configuration/key-values',
        ({ text }) => read({ text, schema: keyValueSchema }, (value) => answerSet(azure, value)),
      ],
      [
        'DELETE /_twin/app-configuration/key-values',
        ({ query }) =>
          ok({ removed: azure.appConfiguration.remove(query.get('key') ?? '', query.get('label') ?? null) }),
      ],
      ['POST /_twin/entra/keys', () => ok({ keyId: azure.issuer.rotate() })],
    ];
  }

  private changePrices({ publish, withdraw }: z.infer<typeof priceChangesSchema>): object {
    const { retailPrices } = this.parts;
    const withdrawn = withdraw.reduce((sum, meter) => sum + retailPrices.withdraw(meter), 0);
    return { published: retailPrices.publish(publish), withdrawn };
  }

  /** What came by OTLP, and to Application Insights; of one trace where that is asked for. */
  private telemetry(trace: string | undefined): object {
    const { collector, insights } = this.parts.azure;
    if (trace !== undefined) return { spans: collector.spans(trace), items: insights.itemsOf(trace) };
    return { spans: collector.spans(), metrics: collector.metrics(), items: insights.items() };
  }

  private answerReset(): Answer {
    this.reset();
    return ok({ reset: true });
  }

  private answerLimits(limits: z.infer<typeof limitsSchema>): Answer {
    const changed = this.limit(limits);
    return changed > 0 ? ok({ changed }) : { status: 404, body: { error: 'No such deployment.' } };
  }

  private answerReplay(next: z.infer<typeof replaySchema>): Answer {
    const { recordings } = this.parts;
    if (recordings === undefined) return { status: 409, body: { error: 'The twin was started without --replay.' } };
    for (let count = 0; count < next.times; count += 1)
      if (!recordings.enqueue(next.file)) return { status: 404, body: { error: 'No such recording.' } };
    return ok({ queued: next.times });
  }
}

function answerSet({ appConfiguration }: AzureServices, value: KeyValueInput): Answer {
  try {
    appConfiguration.set(value);
    return ok({ set: true });
  } catch (thrown) {
    return { status: 413, body: { error: thrown instanceof Error ? thrown.message : 'It is too large.' } };
  }
}

const ok = (body: object): Answer => ({ status: 200, body });

function read<Value>(
  given: { readonly text: string; readonly schema: z.ZodType<Value> },
  answer: (value: Value) => Answer,
): Answer {
  const parsed = given.schema.safeParse(given.text.trim() === '' ? {} : parseJson(given.text));
  return parsed.success ? answer(parsed.data) : { status: 400, body: { error: z.prettifyError(parsed.error) } };
}

function describe(resource: {
  readonly name: string;
  readonly region: string;
  readonly deployments: ReadonlyMap<string, Deployment>;
}): object {
  return {
    name: resource.name,
    region: resource.region,
    deployments: [...resource.deployments.values()].map((deployment) => ({
      name: deployment.name,
      ...deployment.config,
      headers: deployment.capacity.headers(),
    })),
  };
}
