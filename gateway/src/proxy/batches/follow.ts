import type { Timer } from '#kernel/clock.ts';
import { Presence } from '#model/presence.ts';
import { isJsonArray, isJsonObject, type JsonObject } from '#kernel/json.ts';
import type { PendingBatch } from '#model/batch.ts';
import type { Endpoint } from '#model/endpoint.ts';
import { noUnits } from '#model/usage-record.ts';
import type { MeteredOperation } from '#model/operation.ts';
import type { Services } from '#proxy/services.ts';
import type { UpstreamReply } from '#proxy/upstream/send.ts';
import { batchOperation } from './check-line.ts';
import { lineId, lineRecord, type LineContext, type LinePlace } from './line-records.ts';
import { ResourceCall } from './resource-call.ts';
import { ask } from './resource.ts';
import { lineGroups } from './result-lines.ts';
import { marksOf } from './views.ts';

export interface FollowerOptions {
  readonly services: Services;
  /** How often batches are looked at, ms. */
  pollMs(): number;
}

const ended: ReadonlySet<unknown> = new Set(['completed', 'failed', 'expired', 'cancelled']);
/** No work is so slow that another gateway would have to wait longer for a sign of it. */
const shortestLeaseMs = 5_000;
/** The journal takes so many records at a time, so that calls are served in between. */
const linesAtOnce = 200;
/** A batch that nobody got an answer for is looked for so long before it counts as never begun, ms. */
const searchedMs = 5 * 60_000;
const pageSize = 100;
const mostPages = 50;

/** Another gateway has taken over. */
class TakenOver extends Error {}

const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);
const count = (value: unknown): number => (typeof value === 'number' && Number.isSafeInteger(value) ? value : 0);

/** What the last look at a batch has shown. */
export interface Look {
  /** UTC ms. */
  readonly at: number;
  /** As the resource told it; null where it did not. */
  readonly status: string | null;
  /** Why it could not be metered; null where nothing was wrong. */
  readonly problem: string | null;
}

/** What is known of a batch from look to look. */
interface Followed {
  status: string | null;
  /** Since when the resource has been asked for it in vain, monotonic ms: the time of day may jump. */
  missingSince: number | null;
  look: Look | undefined;
}

/** A batch that has ended, with what is needed to read it. */
interface Over {
  readonly batch: PendingBatch;
  readonly endpoint: Endpoint;
  readonly json: JsonObject;
  readonly operation: MeteredOperation;
}

/**
 * Follows batches until they have ended, whether anybody fetches them or not, and brings what their lines used into the
 * ledger: one record a line, under an id that does not depend on who makes it or how often. Which batches there are is in
 * the ledger itself; one gateway of several does the work, and any other goes on where it stopped.
 */
export class BatchFollower {
  readonly #options: FollowerOptions;
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;
  #closed = false;
  #pending: readonly PendingBatch[] | null = null;
  readonly #followed = new Map<string, Followed>();
  /** Whatever is under way is given up when the gateway goes: the next one goes on. */
  readonly #presence = new Presence();

  constructor(options: FollowerOptions) {
    this.#options = options;
  }

  /** Batches that are not metered yet, as of the last look; 0 where another gateway looks. */
  get pending(): number {
    return this.#pending?.length ?? 0;
  }

  /** Of those, the ones that the last look could not meter. */
  get unreadable(): number {
    let found = 0;
    for (const { look } of this.#followed.values()) if (typeof look?.problem === 'string') found += 1;
    return found;
  }

  /** False where another gateway looks, or nobody can now. */
  get follows(): boolean {
    return this.#pending !== null;
  }

  /** Undefined of a batch that this gateway has not looked at; `id`: of the attempt that began it. */
  lookAt(id: string): Look | undefined {
    return this.#followed.get(id)?.look;
  }

  start(): void {
    this.#schedule(0);
  }

  /** Resolves when nothing of it runs any more. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    this.#presence.leave();
    await this.#running;
  }

  #schedule(ms: number): void {
    if (this.#closed) return;
    this.#timer = this.#options.services.clock.after(ms, () => {
      this.#running = this.#round().then(() => this.#schedule(this.#options.pollMs()));
    });
  }

  /** Never rejects. */
  async #round(): Promise<void> {
    const { batches, clock, log } = this.#options.services;
    try {
      const leaseMs = Math.max(shortestLeaseMs, 2 * this.#options.pollMs());
      const pending = await batches.pending({ now: clock.now(), leaseMs });
      this.#pending = pending;
      this.#forgetOthers(pending ?? []);
      for (const batch of pending ?? []) {
        if (this.#closed) return;
        await this.#followOne(batch);
      }
    } catch (thrown) {
      if (!(thrown instanceof TakenOver) && !this.#closed)
        log.warn({ err: thrown }, 'batches cannot be followed now; trying again');
    }
  }

  #forgetOthers(pending: readonly PendingBatch[]): void {
    const open = new Set(pending.map(({ id }) => id));
    for (const id of this.#followed.keys()) if (!open.has(id)) this.#followed.delete(id);
  }

  #followedAs({ id }: PendingBatch): Followed {
    const known = this.#followed.get(id) ?? { status: null, missingSince: null, look: undefined };
    this.#followed.set(id, known);
    return known;
  }

  /** What is wrong with one of them keeps no other one waiting. */
  async #followOne(batch: PendingBatch): Promise<void> {
    const { clock, log } = this.#options.services;
    const followed = this.#followedAs(batch);
    try {
      await this.#follow(batch, followed);
      followed.look = { at: clock.now(), status: followed.status, problem: null };
    } catch (thrown) {
      const problem = thrown instanceof Error ? thrown.message : 'unknown';
      followed.look = { at: clock.now(), status: followed.status, problem };
      if (thrown instanceof TakenOver || this.#closed) throw thrown;
      log.error(
        { err: thrown, batch: batch.id, alert: true },
        'a batch cannot be metered now; what it may cost stays held',
      );
    }
  }

  async #follow(batch: PendingBatch, followed: Followed): Promise<void> {
    const { services } = this.#options;
    const endpoint = services.snapshots.current().endpoints.get(batch.servedBy.endpoint);
    if (endpoint === undefined)
      throw new Error(`The endpoint '${batch.servedBy.endpoint}' is not in the configuration any more.`);
    const json = await this.#find(batch, endpoint);
    if (json === undefined) {
      const now = services.clock.monotonic();
      followed.missingSince ??= now;
      if (now - followed.missingSince >= searchedMs) await this.#end(batch, endpoint);
      return;
    }
    followed.missingSince = null;
    followed.status = text(json['status']);
    if (!ended.has(json['status'])) return;
    const operation = batchOperation(json['endpoint']);
    if (operation === undefined) throw new Error('The batch calls what no reader reads.');
    await this.#settle({ batch, endpoint, json, operation });
    await this.#end(batch, endpoint);
    services.log.info({ batch: batch.id, status: json['status'] }, 'a batch is metered');
  }

  /** The batch as the resource tells it; undefined where nobody knows its id and the resource has none with its mark. */
  async #find(batch: PendingBatch, endpoint: Endpoint): Promise<JsonObject | undefined> {
    const { services } = this.#options;
    if (batch.upstreamId === null) return await this.#search(batch, endpoint);
    const asked = {
      operation: 'batches.retrieve',
      raw: batch.upstreamId,
      traceContext: [],
      presence: this.#presence,
    } as const;
    const { status, json } = await ask(services, endpoint, asked);
    if (status >= 300 || json === undefined) throw new Error(`The resource does not tell of the batch (${status}).`);
    return json;
  }

  async #search(batch: PendingBatch, endpoint: Endpoint): Promise<JsonObject | undefined> {
    let after: string | null = null;
    for (let page = 0; page < mostPages; page += 1) {
      const query = new URLSearchParams({ limit: String(pageSize), ...(after === null ? {} : { after }) });
      const answer = await ask(this.#options.services, endpoint, {
        operation: 'batches.list',
        raw: null,
        query: query.toString(),
        traceContext: [],
        presence: this.#presence,
      });
      const data = answer.json?.['data'];
      if (answer.status >= 300 || !isJsonArray(data))
        throw new Error(`The resource lists no batches (${answer.status}).`);
      const items = data.filter((one) => isJsonObject(one));
      const found = items.find((one) => marksOf(one)?.attemptId === batch.id);
      if (found !== undefined) return found;
      after = text(items.at(-1)?.['id']);
      if (answer.json?.['has_more'] !== true || after === null) return undefined;
    }
    return undefined;
  }

  async #settle(over: Over): Promise<void> {
    const output = await this.#settleFile(over, 'output');
    const errors = await this.#settleFile(over, 'error');
    const { request_counts: counts, status } = over.json;
    const completed = isJsonObject(counts) ? count(counts['completed']) : 0;
    if (output < completed)
      throw new Error(`The batch has completed ${completed} lines, and its output file has ${output}.`);
    // No file has no line: where nothing is told of them, nothing is known.
    if (status === 'completed' && output + errors === 0)
      throw new Error('The batch is completed, and its files have no line.');
  }

  /** How many lines it has. */
  async #settleFile(over: Over, file: LinePlace['file']): Promise<number> {
    const raw = text(over.json[`${file}_file_id`]);
    if (raw === null) return 0;
    const { services } = this.#options;
    const call = await ResourceCall.begin(services, over.endpoint, {
      operation: 'files.content',
      raw,
      traceContext: [],
    });
    this.#presence.watch({ clientLeft: () => call.giveUp() });
    try {
      const reply = await call.replyInTime().finally(() => this.#presence.unwatch());
      if (reply.status < 300) return await this.#settleLines(over, file, { call, reply });
      call.refused(reply);
      reply.abort();
      throw new Error(`The resource does not give the ${file} file out (${reply.status}).`);
    } finally {
      call.end();
    }
  }

  async #settleLines(
    over: Over,
    file: LinePlace['file'],
    { call, reply }: { readonly call: ResourceCall; readonly reply: UpstreamReply },
  ): Promise<number> {
    const { services } = this.#options;
    const broke = (): void => call.brokeOff();
    let line = 0;
    for await (const group of lineGroups(services, { reply, broke, presence: this.#presence, most: linesAtOnce })) {
      if (this.#closed) throw new TakenOver();
      const lines = group.filter((one) => one.trim() !== '');
      await this.#record(over, { file, first: line, lines });
      line += lines.length;
    }
    return line;
  }

  async #record(
    { batch, operation }: Over,
    {
      file,
      first,
      lines,
    }: { readonly file: LinePlace['file']; readonly first: number; readonly lines: readonly string[] },
  ): Promise<void> {
    const { services } = this.#options;
    const places = lines.map((_text, at) => ({ file, line: first + at }));
    const states = await services.batches.lineStates(
      places.map((place) => ({ at: batch.at, id: lineId(batch, place) })),
    );
    if (states === null) throw new TakenOver();
    const { prices } = services.snapshots.current();
    const context: LineContext = { batch, operation, prices, now: services.clock.now() };
    const missing = places.flatMap((place, at) => {
      const state = states[at];
      if (state === 'recorded') return [];
      return [lineRecord(context, { place, text: lines[at] ?? '', again: state === 'lost' })];
    });
    // Opened and settled in one turn: both stand in one write of the journal.
    const written = missing.flatMap(({ opened, record }) => [
      services.ledger.open(opened),
      services.ledger.settle(record),
    ]);
    await Promise.all(written);
    for (const { record } of missing) services.limits.recorded(record);
  }

  async #end({ at, id, caller, servedBy }: PendingBatch, { deploymentType }: Endpoint): Promise<void> {
    const { services } = this.#options;
    const { model, modelVersion, region } = servedBy;
    const cost = services.snapshots.current().prices.cost({
      endpoint: { model, modelVersion, deploymentType, region },
      units: noUnits,
      serviceTier: null,
      reportedModel: null,
      spilledFrom: null,
      product: caller.product,
      at,
    });
    await services.batches.end({ at, id }, cost);
  }
}
