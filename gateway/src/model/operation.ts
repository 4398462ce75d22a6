/** The metered operations, by the names that OpenTelemetry's and OpenAI's references use. */
export type MeteredOperation = 'chat.completions' | 'completions' | 'embeddings' | 'responses';

/** `batches.create`: that a batch was begun; its lines are recorded as what they call. */
export type Operation = MeteredOperation | 'models.list' | 'models.retrieve' | 'batches.create';

/**
 * What may be done with responses that are stored already, and with conversations: it uses no tokens, so nothing of it is in
 * the ledger.
 */
export type StoredOperation =
  | 'responses.retrieve'
  | 'responses.delete'
  | 'responses.cancel'
  | 'responses.input_items'
  | 'conversations.create'
  | 'conversations.retrieve'
  | 'conversations.update'
  | 'conversations.delete'
  | 'conversations.items.create'
  | 'conversations.items.list'
  | 'conversations.items.retrieve'
  | 'conversations.items.delete'
  | BatchOperation;

/** What may be done with files and batches. What a batch's lines use is recorded when it has ended. */
export type BatchOperation =
  | 'files.create'
  | 'files.list'
  | 'files.retrieve'
  | 'files.delete'
  | 'files.content'
  | 'batches.create'
  | 'batches.list'
  | 'batches.retrieve'
  | 'batches.cancel';

/** `classic`: `/openai/deployments/{deployment}/…?api-version=`; `v1`: `/openai/v1/…` and `/v1/…`. */
export type Surface = 'classic' | 'v1';

const metered: Readonly<Record<MeteredOperation, true>> = {
  'chat.completions': true,
  completions: true,
  embeddings: true,
  responses: true,
};

/** Whether an operation uses tokens, and is in the ledger. */
export function isMetered(operation: Operation | StoredOperation): operation is MeteredOperation {
  return Object.hasOwn(metered, operation);
}

/** Whether an operation is about something that is stored. */
export function isStored(operation: Operation | StoredOperation): operation is StoredOperation {
  return operation.startsWith('responses.') || operation.startsWith('conversations.') || isOfBatches(operation);
}

/** Whether an operation is about files or batches. */
export function isOfBatches(operation: Operation | StoredOperation): operation is BatchOperation {
  return operation.startsWith('files.') || operation.startsWith('batches.');
}
