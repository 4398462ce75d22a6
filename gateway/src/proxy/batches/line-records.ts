import { createHash } from 'node:crypto';
import { isJsonObject, parseJsonObject, type JsonObject } from '#kernel/json.ts';
import { idOf } from '#kernel/ids.ts';
import type { PendingBatch } from '#model/batch.ts';
import type { DeploymentType } from '#model/endpoint.ts';
import { deploymentTypes } from '#model/endpoint.ts';
import type { MeteredOperation } from '#model/operation.ts';
import type { PriceBook } from '#model/price-book.ts';
import type { OpenedAttempt, Outcome, UsageRecord } from '#model/usage-record.ts';
import { noUsage, outcomeOf, unknownUsage, type Usage } from '#proxy/attempt-record.ts';
import { Findings } from '#proxy/usage/findings.ts';
import { usageReaders } from '#proxy/usage/readers/registry.ts';

/** Where a line stands: the files of a batch do not change once it has ended, so this names it for ever. */
export interface LinePlace {
  readonly file: 'output' | 'error';
  /** From 0. */
  readonly line: number;
}

/** A line of a batch, as its own record. */
export interface LineRecord {
  readonly opened: OpenedAttempt;
  readonly record: UsageRecord;
}

/** How the records of a batch are made. */
export interface LineContext {
  readonly batch: PendingBatch;
  readonly operation: MeteredOperation;
  readonly prices: PriceBook;
  /** UTC ms. */
  readonly now: number;
}

/** The id of a line's record: the same whoever makes it, however often. `again`: beside one that was never finished. */
export function lineId({ at, id }: PendingBatch, { file, line }: LinePlace, again = false): string {
  const digest = createHash('sha256')
    .update(`${id} ${file} ${line}${again ? ' again' : ''}`)
    .digest();
  return idOf(at, digest);
}

interface Read {
  readonly usage: Usage;
  readonly outcome: Outcome;
  readonly httpStatus: number | null;
  readonly upstreamRequestId: string | null;
}

const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);

function usageOf(body: unknown, operation: MeteredOperation): Pick<Read, 'usage' | 'outcome'> {
  const findings = new Findings();
  if (isJsonObject(body)) findings.add(usageReaders[operation].reply.read(body));
  const reading = findings.reading();
  return { usage: reading, outcome: outcomeOf('completed', reading) };
}

function isFilter(body: unknown): boolean {
  const error = isJsonObject(body) ? body['error'] : undefined;
  return isJsonObject(error) && error['code'] === 'content_filter';
}

/** As a call that is answered so is recorded: see docs/request-path.md. */
function failureOf(status: number, body: unknown): Pick<Read, 'usage' | 'outcome'> {
  if (status === 400 && isFilter(body)) return { usage: unknownUsage, outcome: 'filtered-prompt' };
  if (status === 408 || (status >= 500 && status !== 503)) return { usage: unknownUsage, outcome: 'upstream-broke' };
  return { usage: noUsage, outcome: 'refused-by-upstream' };
}

function readLine(line: JsonObject | undefined, operation: MeteredOperation): Read {
  // Nobody can say what a line used that cannot be read.
  if (line === undefined)
    return { usage: unknownUsage, outcome: 'upstream-broke', httpStatus: null, upstreamRequestId: null };
  const upstreamRequestId = text(line['id']);
  const { response } = line;
  // It was not run: the batch was cancelled, expired, or never looked at the line.
  if (!isJsonObject(response))
    return { usage: noUsage, outcome: 'refused-by-upstream', httpStatus: null, upstreamRequestId };
  const status = response['status_code'];
  const httpStatus = typeof status === 'number' && Number.isInteger(status) ? status : null;
  const { body } = response;
  const isReply = httpStatus === null || (httpStatus >= 200 && httpStatus < 300);
  const read = isReply ? usageOf(body, operation) : failureOf(httpStatus, body);
  return { ...read, httpStatus, upstreamRequestId: upstreamRequestId ?? text(response['request_id']) };
}

const typeOf = (name: string): DeploymentType => deploymentTypes.find((one) => one === name) ?? 'GlobalBatch';

/** The record of one line, at the time when its batch was begun, and charged to whoever began it. */
export function lineRecord(
  { batch, operation, prices, now }: LineContext,
  given: { readonly place: LinePlace; readonly text: string; readonly again: boolean },
): LineRecord {
  const { place, again } = given;
  const { usage, outcome, httpStatus, upstreamRequestId } = readLine(parseJsonObject(given.text), operation);
  const { servedBy, caller, at } = batch;
  const opened: OpenedAttempt = {
    id: lineId(batch, place, again),
    requestId: `${batch.requestId}-${place.file}-${place.line}`,
    attempt: again ? 2 : 1,
    at,
    caller,
    servedBy,
    operation,
    stream: false,
    requestedModel: batch.requestedModel,
    reservedNano: null,
    priceBook: prices.id,
  };
  const { model, modelVersion, deploymentType, region } = servedBy;
  const { units, measuredInput, measuredOutput, serviceTier, reportedModel } = usage;
  const cost = prices.cost({
    endpoint: { model, modelVersion, deploymentType: typeOf(deploymentType), region },
    units,
    serviceTier,
    reportedModel,
    spilledFrom: null,
    product: caller.product,
    at,
  });
  const record: UsageRecord = {
    ...opened,
    finishedAt: now,
    outcome,
    httpStatus,
    units,
    measuredInput,
    measuredOutput,
    serviceTier,
    reportedModel,
    spilledFrom: null,
    upstreamRequestId,
    timing: { queueMs: 0, firstByteMs: null, upstreamMs: 0, totalMs: Math.max(0, now - at) },
    cost,
  };
  return { opened, record };
}
