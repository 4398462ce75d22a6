import type { JsonObject } from '#kernel/json.ts';
import { readForm } from '#wire/multipart.ts';
import type { Exchange, World } from './exchange.ts';
import { invalid, Refusal } from './refusal.ts';
import type { StoredFile } from './stored-file.ts';
import { pageOf, storedKey } from './stored-items.ts';

let made = 0;
const purposes = ['batch', 'fine-tune', 'assistants', 'user_data', 'vision', 'evals'];

export function fileNotFound(id: string): Refusal {
  return new Refusal(404, { code: 'invalidPayload', message: `The specified file id '${id}' could not be found.` });
}

const shownFile = ({ id, createdAt, filename, purpose, content }: StoredFile): JsonObject => ({
  object: 'file',
  id,
  purpose,
  filename,
  bytes: Buffer.byteLength(content),
  created_at: createdAt,
  expires_at: null,
  status: 'processed',
  status_details: null,
});

/** Keeps a file of a resource. */
export function keepFile(world: World, given: Omit<StoredFile, 'id' | 'createdAt' | 'order'>): StoredFile {
  const id = `file-${world.ids.uuid().replaceAll('-', '')}`;
  const file = { ...given, id, createdAt: Math.floor(world.clock.now() / 1000), order: (made += 1) };
  world.files.set(`${file.resource}/${id}`, file, given.content.length + 256);
  return file;
}

/** What of a resource's files is asked for. Text: the content of one. */
export function answerFile(exchange: Exchange, bodyText: string): JsonObject | string {
  const { route, world, resource } = exchange;
  const { operation } = route;
  if (operation === 'files.create') return shownFile(upload(exchange, bodyText));
  if (operation === 'files.list') {
    const purpose = route.query.get('purpose');
    const files = world.files
      .values()
      .filter((file) => file.resource === resource?.name && (purpose === null || file.purpose === purpose))
      .toSorted((one, other) => one.order - other.order);
    return pageOf(files.map(shownFile), route.query);
  }
  const id = route.stored?.id ?? '';
  const file = world.files.get(storedKey(exchange, id));
  if (file === undefined) throw fileNotFound(id);
  if (operation === 'files.content') return file.content;
  if (operation === 'files.retrieve') return shownFile(file);
  world.files.delete(storedKey(exchange, id));
  return { id, object: 'file', deleted: true };
}

function upload(exchange: Exchange, bodyText: string): StoredFile {
  const parts = readForm(exchange.request.headers['content-type'], bodyText);
  if (parts === undefined) throw invalid('The body of the request is not a complete form.');
  const file = parts.find((part) => part.name === 'file');
  const purpose = parts.find((part) => part.name === 'purpose')?.text;
  if (file?.filename === undefined) throw invalid("'file' is a required property", { param: 'file' });
  if (purpose === undefined || !purposes.includes(purpose))
    throw invalid(`'${purpose ?? ''}' is not one of ${JSON.stringify(purposes)} - 'purpose'`, { param: 'purpose' });
  return keepFile(exchange.world, {
    resource: exchange.resource?.name ?? '',
    filename: file.filename,
    purpose,
    content: file.text,
  });
}
