import { objectAt, parseJsonObject, textAt, type JsonObject } from '#kernel/json.ts';
import { isLine, notRun, operationOf, readLines, runLine, type BatchCall, type BatchLine } from './batch-lines.ts';
import type { BatchStep, StoredBatch } from './batch-book.ts';
import type { Resource } from './estate.ts';
import type { Exchange, World } from './exchange.ts';
import { fileNotFound, keepFile } from './files.ts';
import { invalid, Refusal } from './refusal.ts';
import { pageOf, storedKey } from './stored-items.ts';

type Status =
  | 'validating'
  | 'in_progress'
  | 'finalizing'
  | 'completed'
  | 'failed'
  | 'expired'
  | 'cancelling'
  | 'cancelled';

const ended: ReadonlySet<Status> = new Set(['completed', 'failed', 'expired', 'cancelled']);
const next: Partial<Record<Status, Status>> = {
  validating: 'in_progress',
  in_progress: 'finalizing',
  finalizing: 'completed',
  cancelling: 'cancelled',
};

interface Asked {
  readonly endpoint: string;
  readonly call: BatchCall;
  readonly inputFile: string;
  readonly window: string;
  readonly metadata: JsonObject | null;
}

type Mistake = { readonly code: string; readonly message: string; readonly line: number | null };
const dayMs = 86_400_000;

/** A batch of one resource, from its validation to its end. */
class Batch implements StoredBatch {
  readonly id: string;
  readonly resource: Resource;
  readonly asked: Asked;
  private readonly world: World;
  private status: Status = 'validating';
  /** When it came to each status, seconds since the epoch. */
  private readonly times: Partial<Record<Status, number>> = {};
  /** When it came to the present one, ms. */
  private since: number;
  private readonly createdAt: number;
  private lines: readonly BatchLine[] = [];
  private mistakes: readonly Mistake[] = [];
  private readonly output: string[] = [];
  private readonly failures: string[] = [];
  private ran = 0;
  private outputFile: string | null = null;
  private errorFile: string | null = null;

  constructor(world: World, given: { readonly id: string; readonly resource: Resource; readonly asked: Asked }) {
    this.world = world;
    this.id = given.id;
    this.resource = given.resource;
    this.asked = given.asked;
    this.since = world.clock.now();
    this.createdAt = this.since;
  }

  get over(): boolean {
    return ended.has(this.status);
  }

  /** Follows the clock: each stage takes so long. */
  follow(stageMs: number): void {
    const { clock } = this.world;
    while (!this.over && clock.now() - this.since >= stageMs) this.move('next', this.since + stageMs);
  }

  move(to: BatchStep, at = this.world.clock.now()): void {
    if (this.over) return;
    if (to === 'failed') this.end('failed', at);
    else if (to === 'expired') this.end('expired', at);
    else this.advance(at);
  }

  cancel(): void {
    if (!this.over) this.enter('cancelling', this.world.clock.now());
  }

  shown(): JsonObject {
    const time = (status: Status): number | null => this.times[status] ?? null;
    return {
      object: 'batch',
      id: this.id,
      endpoint: this.asked.endpoint,
      input_file_id: this.asked.inputFile,
      completion_window: this.asked.window,
      status: this.status,
      output_file_id: this.outputFile,
      error_file_id: this.errorFile,
      errors: this.mistakes.length === 0 ? null : { object: 'list', data: this.mistakes.map(shownMistake) },
      created_at: Math.floor(this.createdAt / 1000),
      expires_at: Math.floor((this.createdAt + dayMs) / 1000),
      in_progress_at: time('in_progress'),
      finalizing_at: time('finalizing'),
      completed_at: time('completed'),
      failed_at: time('failed'),
      expired_at: time('expired'),
      cancelling_at: time('cancelling'),
      cancelled_at: time('cancelled'),
      request_counts: { total: this.lines.length, completed: this.output.length, failed: this.failures.length },
      metadata: this.asked.metadata,
    };
  }

  private enter(status: Status, at: number): void {
    this.status = status;
    this.since = at;
    this.times[status] = Math.floor(at / 1000);
  }

  private advance(at: number): void {
    if (this.status === 'validating' && !this.validate()) {
      this.end('failed', at);
      return;
    }
    const to = next[this.status];
    if (to === undefined) return;
    // Half of it is done as soon as it is under way: a batch that ends before its time has something to show.
    if (to === 'in_progress') this.run(Math.ceil(this.lines.length / 2));
    if (to === 'finalizing') this.run(this.lines.length);
    if (to === 'completed' || to === 'cancelled') this.end(to, at);
    else this.enter(to, at);
  }

  private run(until: number): void {
    const place = { resource: this.resource, call: this.asked.call };
    for (const line of this.lines.slice(this.ran, until)) {
      const { failed, text } = runLine(this.world, line, place);
      (failed ? this.failures : this.output).push(text);
    }
    this.ran = until;
  }

  private end(to: 'completed' | 'failed' | 'expired' | 'cancelled', at: number): void {
    if (to === 'expired' || to === 'cancelled') {
      const code = to === 'expired' ? 'batch_expired' : 'batch_cancelled';
      for (const line of this.lines.slice(this.ran)) this.failures.push(notRun(this.world, line, code));
    }
    this.outputFile = this.keep(this.output, 'output');
    this.errorFile = this.keep(this.failures, 'error');
    this.enter(to, at);
  }

  private keep(lines: readonly string[], what: 'output' | 'error'): string | null {
    if (lines.length === 0) return null;
    const given = {
      resource: this.resource.name,
      filename: `${this.id}_${what}.jsonl`,
      purpose: 'batch_output',
      content: lines.map((line) => `${line}\n`).join(''),
    };
    return keepFile(this.world, given).id;
  }

  /** False where it cannot be run; then it says why. */
  private validate(): boolean {
    const file = this.world.files.get(`${this.resource.name}/${this.asked.inputFile}`);
    const read = file === undefined ? [] : readLines(file.content);
    const lines = read.filter((one) => isLine(one));
    const mistakes: Mistake[] = read.flatMap((one) =>
      isLine(one) ? [] : [{ code: one.wrong, message: 'A line is no request.', line: one.line }],
    );
    if (read.length === 0) mistakes.push({ code: 'empty_file', message: 'The input file is empty.', line: null });
    for (const [at, line] of lines.entries()) mistakes.push(...this.mistakesOf(line, { at, first: lines[0] }));
    const seen = new Set<string>();
    for (const [at, { customId }] of lines.entries()) {
      if (seen.has(customId))
        mistakes.push({ code: 'duplicate_custom_id', message: 'A custom_id stands twice.', line: at + 1 });
      seen.add(customId);
    }
    this.mistakes = mistakes;
    if (mistakes.length === 0) this.lines = lines;
    return mistakes.length === 0;
  }

  private mistakesOf(
    line: BatchLine,
    { at, first }: { readonly at: number; readonly first: BatchLine | undefined },
  ): Mistake[] {
    const name = textAt(line.body, 'model') ?? '';
    const wrong = (code: string, message: string): Mistake[] => [{ code, message, line: at + 1 }];
    if (operationOf(line.url) !== this.asked.call) return wrong('invalid_url', 'The url is not the one of the batch.');
    if (name !== textAt(first?.body ?? {}, 'model'))
      return wrong('model_mismatch', 'The model name specified in the row does not match the others.');
    const deployment = this.resource.deployments.get(name);
    if (deployment === undefined) return wrong('model_not_found', `There is no deployment '${name}'.`);
    return deployment.forBatches ? [] : wrong('invalid_deployment_type', `'${name}' is no deployment of a batch type.`);
  }
}

const shownMistake = ({ code, message, line }: Mistake): JsonObject => ({ code, message, param: null, line });

/** What is asked of a resource's batches. */
export function answerBatch(exchange: Exchange, bodyText: string): JsonObject {
  const { route, world, resource } = exchange;
  if (resource === undefined) return {};
  if (route.operation === 'batches.create') return create(exchange, { resource, bodyText });
  if (route.operation === 'batches.list')
    return pageOf(
      world.batches.of(resource).map((batch) => batch.shown()),
      route.query,
    );
  const id = route.stored?.id ?? '';
  const batch = world.batches.get(storedKey(exchange, id));
  if (batch === undefined)
    throw new Refusal(404, { code: 'notFound', message: `The specified batch '${id}' could not be found.` });
  if (route.operation === 'batches.cancel') {
    if (batch.over) throw invalid('The batch has ended, and cannot be cancelled.');
    batch.cancel();
  }
  return batch.shown();
}

function create(exchange: Exchange, { resource, bodyText }: { resource: Resource; bodyText: string }): JsonObject {
  const { world, ids } = exchange;
  const body = parseJsonObject(bodyText);
  if (body === undefined) throw invalid('The body of the request is not a JSON object.');
  const inputFile = textAt(body, 'input_file_id') ?? '';
  const endpoint = textAt(body, 'endpoint') ?? '';
  const call = operationOf(endpoint);
  if (call === undefined) throw invalid(`'${endpoint}' is no endpoint of batches.`, { param: 'endpoint' });
  if (textAt(body, 'completion_window') !== '24h')
    throw invalid("'completion_window' must be '24h'.", { param: 'completion_window' });
  const file = world.files.get(storedKey(exchange, inputFile));
  if (file === undefined) throw fileNotFound(inputFile);
  if (file.purpose !== 'batch') throw invalid("The file's purpose is not 'batch'.", { param: 'input_file_id' });
  const id = `batch_${ids.uuid()}`;
  const asked = { endpoint, call, inputFile, window: '24h', metadata: objectAt(body, 'metadata') ?? null };
  const batch = new Batch(world, { id, resource, asked });
  world.batches.add(storedKey(exchange, id), batch);
  return batch.shown();
}
