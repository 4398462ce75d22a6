import { readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { arrayAt, isJsonObject, objectAt, textAt, type JsonObject } from '#kernel/json.ts';
import { readRecording, type Recording } from './recording.ts';

const endings = { stream: ['.chunks.txt', '.sse'], whole: ['.json'] } as const;

/** A folder of recorded replies, and which of them comes next. */
export class Recordings {
  private readonly folder: string;
  /** Relative names with `/` between their steps. */
  readonly names: readonly string[];
  private readonly known: ReadonlySet<string>;
  private readonly queue: string[] = [];
  private readonly read = new Map<string, Promise<Recording>>();

  private constructor(folder: string, names: readonly string[]) {
    this.folder = folder;
    this.names = names;
    this.known = new Set(names);
  }

  /** Rejects where the folder cannot be read. */
  static async in(folder: string): Promise<Recordings> {
    const found = await readdir(folder, { recursive: true, withFileTypes: true });
    const names = found
      .filter(
        (entry) => entry.isFile() && [...endings.stream, ...endings.whole].some((end) => entry.name.endsWith(end)),
      )
      .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
      .toSorted();
    return new Recordings(folder, names);
  }

  /** The next call is answered with this recording, the one after with the next that was asked for. False: unknown. */
  enqueue(name: string): boolean {
    if (!this.known.has(name)) return false;
    this.queue.push(name);
    return true;
  }

  takeQueued(): Promise<Recording> | undefined {
    const name = this.queue.shift();
    return name === undefined ? undefined : this.load(name);
  }

  /** By its whole name, or without its ending: then by whether a stream is asked for. */
  find(name: string, stream: boolean): Promise<Recording> | undefined {
    if (this.known.has(name)) return this.load(name);
    const ending = (stream ? endings.stream : endings.whole).find((end) => this.known.has(name + end));
    return ending === undefined ? undefined : this.load(name + ending);
  }

  clear(): void {
    this.queue.length = 0;
  }

  private load(name: string): Promise<Recording> {
    const known = this.read.get(name);
    if (known !== undefined) return known;
    const reading = readFile(join(this.folder, name), 'utf8').then((text) => readRecording(name, text));
    this.read.set(name, reading);
    return reading;
  }
}

/** The recording that a request names: in `metadata.replay`, else all that it says. */
export function recordingNamed(body: JsonObject): string | undefined {
  const named = textAt(objectAt(body, 'metadata'), 'replay');
  if (named !== undefined) return named.trim();
  const said = textAt(body, 'input') ?? textAt(body, 'prompt') ?? lastText(body);
  return said?.trim();
}

function lastText(body: JsonObject): string | undefined {
  const last = (arrayAt(body, 'messages') ?? arrayAt(body, 'input'))?.at(-1);
  if (!isJsonObject(last)) return typeof last === 'string' ? last : undefined;
  const part = arrayAt(last, 'content')?.at(-1);
  return textAt(last, 'content') ?? (isJsonObject(part) ? textAt(part, 'text') : undefined);
}
