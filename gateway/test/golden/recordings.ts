import { existsSync, globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import type { TapOptions } from '#proxy/usage/tap.ts';

import { chatReplies } from '../fixtures/chat-replies.ts';
import { replyBytes } from '../fixtures/reply-fixture.ts';
import { responsesReplies } from '../fixtures/responses-replies.ts';

/** A reply as an upstream sent it, and where its golden reading stands. */
export interface RecordedReply {
  /** The recording's path, which is the golden file's too. */
  readonly name: string;
  readonly operation: TapOptions['operation'];
  readonly stream: boolean;
  readonly bytes: Buffer;
}

const root = fileURLToPath(new URL('../../../../shared/transcripts/', import.meta.url));

/** Why recordings are not read; undefined where they are there. */
export const recordingsMissing = existsSync(root)
  ? undefined
  : 'the recorded replies (../shared/transcripts beside the repository) are not on this machine';

/** The dialects that the gateway serves. */
const folders: Readonly<Record<string, TapOptions['operation']>> = {
  azure: 'responses',
  'openai/chat': 'chat.completions',
  'openai/completion': 'completions',
  'openai/embedding': 'embeddings',
  'openai/responses': 'responses',
  'openai-compatible/chat': 'chat.completions',
};

/** Every reply of every recording of the served dialects; a recording of several turns is several replies. */
export function recordedReplies(): RecordedReply[] {
  if (recordingsMissing !== undefined) return [];
  return Object.entries(folders).flatMap(([folder, operation]) =>
    globSync(`${folder}/*`, { cwd: root })
      .toSorted()
      .flatMap((name) => repliesOf(name, operation)),
  );
}

export function fixtureReplies(): RecordedReply[] {
  return [...chatReplies, ...responsesReplies].map((fixture) => ({
    name: `fixtures/${fixture.name}`,
    operation: fixture.operation,
    stream: fixture.events !== undefined,
    bytes: replyBytes(fixture),
  }));
}

function repliesOf(name: string, folderOperation: TapOptions['operation']): RecordedReply[] {
  const bytes = readFileSync(`${root}${name}`);
  // One chat completion stands among the Responses of azure/.
  const operation =
    name.endsWith('.json') && bytes.includes('"choices"') && folderOperation === 'responses'
      ? 'chat.completions'
      : folderOperation;
  if (!name.endsWith('.chunks.txt')) return [{ name, operation, stream: name.endsWith('.sse'), bytes }];
  const turns = turnsOf(bytes.toString('utf8').split('\n').filter(Boolean));
  return turns.map((lines, turn) => ({
    name: turns.length === 1 ? name : `${name}#${turn + 1}`,
    operation,
    stream: true,
    bytes: Buffer.from(framed(lines, operation)),
  }));
}

/** Each `response.created` begins a reply of its own. */
function turnsOf(lines: readonly string[]): string[][] {
  const turns: string[][] = [];
  for (const line of lines) {
    if (turns.length === 0 || typeOf(line) === 'response.created') turns.push([]);
    turns.at(-1)?.push(line);
  }
  return turns;
}

/** Recordings hold the data of events only, one a line; this is how the services frame them. */
function framed(lines: readonly string[], operation: TapOptions['operation']): string {
  if (operation === 'responses') return lines.map((line) => `event: ${typeOf(line)}\ndata: ${line}\n\n`).join('');
  return [...lines, '[DONE]'].map((line) => `data: ${line}\n\n`).join('');
}

/** The event's type: the member next to `response`, wherever it stands. Not parsed, as one recorded event is malformed. */
function typeOf(line: string): string {
  return /^\{"type":"([^"]+)"/u.exec(line)?.[1] ?? /"type":"([^"]+)"\}$/u.exec(line)?.[1] ?? 'message';
}
