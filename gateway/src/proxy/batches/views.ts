import { isJsonObject, type JsonObject } from '#kernel/json.ts';
import { batchId, inputFileId, resultFileId, untaggedName, type Sealing } from './ids.ts';

/** Members of a batch's metadata that are the gateway's own: callers neither see nor set them. */
export const markMember = 'tollgate';
export const inputMember = 'tollgate-input';

/** What the gateway wrote into a batch when it was begun. */
export interface BatchMarks {
  /** The attempt that began it. */
  readonly attemptId: string;
  readonly tag: string;
  /** The input file's id as the caller knows it. */
  readonly input: string | null;
}

export function marksOf(batch: JsonObject): BatchMarks | undefined {
  const { metadata } = batch;
  if (!isJsonObject(metadata)) return undefined;
  const [attemptId, tag] = typeof metadata[markMember] === 'string' ? metadata[markMember].split(' ') : [];
  const input = metadata[inputMember];
  if (attemptId === undefined || tag === undefined) return undefined;
  return { attemptId, tag, input: typeof input === 'string' ? input : null };
}

const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);

/** A batch as its caller sees it. */
export function clientBatch(batch: JsonObject, sealing: Sealing): JsonObject {
  const marks = marksOf(batch);
  const result = (value: unknown): string | null => {
    const raw = text(value);
    return raw === null ? null : resultFileId(sealing, raw, marks?.attemptId ?? null);
  };
  const { id, input_file_id: input, metadata } = batch;
  const own = isJsonObject(metadata)
    ? Object.entries(metadata).filter(([name]) => name !== markMember && name !== inputMember)
    : [];
  return {
    ...batch,
    id: batchId(sealing, text(id) ?? ''),
    input_file_id: marks?.input ?? inputFileId(sealing, text(input) ?? ''),
    output_file_id: result(batch['output_file_id']),
    error_file_id: result(batch['error_file_id']),
    metadata: own.length === 0 ? null : Object.fromEntries(own),
  };
}

/** A file as its caller sees it; `id` as the caller knows it. */
export function clientFile(file: JsonObject, id: string): JsonObject {
  const { filename } = file;
  return { ...file, id, ...(typeof filename === 'string' ? { filename: untaggedName(filename).name } : {}) };
}
