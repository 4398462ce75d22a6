import { isJsonObject, type Json, type JsonObject } from '#kernel/json.ts';
import type { ServedBy } from '#model/usage-record.ts';
import { isWord, seriesOperations, type Words } from '#model/words.ts';
import type { Series } from './ports.ts';

/** An entry of this version's format that is not what the format says. */
export class UnreadableEntry extends Error {
  override readonly name = 'UnreadableEntry';
}

export function unreadable(member: string): never {
  throw new UnreadableEntry(`'${member}' is missing or of the wrong kind`);
}

export function word<Word extends string>(from: JsonObject, member: string, words: Words<Word>): Word {
  const value = from[member];
  return isWord(words, value) ? value : unreadable(member);
}

export function text(from: JsonObject, member: string): string {
  const value = from[member];
  return typeof value === 'string' ? value : unreadable(member);
}

export function textOrNull(from: JsonObject, member: string): string | null {
  return from[member] === null ? null : text(from, member);
}

export function integer(from: JsonObject, member: string): number {
  const value = from[member];
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : unreadable(member);
}

export function integerOrNull(from: JsonObject, member: string): number | null {
  return from[member] === null ? null : integer(from, member);
}

export function object(from: JsonObject, member: string): JsonObject {
  const value = from[member];
  return isJsonObject(value) ? value : unreadable(member);
}

export function list(from: JsonObject, member: string): readonly Json[] {
  const value = from[member];
  return Array.isArray(value) ? value : unreadable(member);
}

export function nano(value: unknown, member: string): bigint {
  return typeof value === 'string' && /^-?\d{1,19}$/.test(value) ? BigInt(value) : unreadable(member);
}

export function nanoOrNull(from: JsonObject, member: string): bigint | null {
  const value = from[member];
  return value === null ? null : nano(value, member);
}

function decodeCaller(from: JsonObject): Series['caller'] {
  return {
    subscription: text(from, 'subscription'),
    product: text(from, 'product'),
    consumer: text(from, 'consumer'),
    costCentrePath: text(from, 'costCentrePath'),
  };
}

function decodeServedBy(from: JsonObject): ServedBy {
  return {
    endpoint: text(from, 'endpoint'),
    resource: text(from, 'resource'),
    region: text(from, 'region'),
    deployment: text(from, 'deployment'),
    deploymentType: text(from, 'deploymentType'),
    model: text(from, 'model'),
    modelVersion: textOrNull(from, 'modelVersion'),
  };
}

export function decodeSeries(from: JsonObject): Series {
  const stream = from['stream'];
  return {
    caller: decodeCaller(object(from, 'caller')),
    servedBy: decodeServedBy(object(from, 'servedBy')),
    operation: word(from, 'operation', seriesOperations),
    stream: typeof stream === 'boolean' ? stream : unreadable('stream'),
    requestedModel: text(from, 'requestedModel'),
    priceBook: text(from, 'priceBook'),
  };
}

/** Of tools or images, by name. */
export function countsOf(from: Json | undefined): Record<string, number> {
  if (!isJsonObject(from)) return unreadable('units');
  return Object.fromEntries(Object.keys(from).map((name) => [name, integer(from, name)]));
}

/** Why something has no price. */
export function reasonsOf(from: Json | undefined): readonly string[] {
  if (!Array.isArray(from)) return unreadable('cost');
  return from.map((one) => (typeof one === 'string' ? one : unreadable('cost')));
}
