import type { ErrorDefinition } from './error-definition.ts';

const invalid = 'invalid_request_error';

/** What is told about files and batches. */
export const batchErrors = {
  file_not_found: {
    status: 404,
    type: invalid,
    plane: 'data',
    meaning: 'There is no file with this id, or it belongs to another caller.',
    remedy: 'Use the id that the upload, or the batch, gave to the same subscription.',
  },
  batch_not_found: {
    status: 404,
    type: invalid,
    plane: 'data',
    meaning: 'There is no batch with this id, or it belongs to another caller.',
    remedy: 'Use the id of a batch that the same subscription has begun.',
  },
  batches_not_allowed: {
    status: 403,
    type: 'permission_error',
    plane: 'data',
    meaning: 'The product of the caller does not include files and batches.',
    remedy: 'Set `batches: true` on the product; see `docs/batches.md`.',
  },
  invalid_batch_file: {
    status: 400,
    type: invalid,
    plane: 'data',
    meaning: 'Lines of an uploaded file cannot be run, or not be metered, by this gateway. Nothing of it was kept.',
    remedy: 'Mend the lines that the message names, and upload the file again.',
  },
  batch_file_outdated: {
    status: 400,
    type: invalid,
    plane: 'data',
    meaning:
      'The file was checked under other prices than those in force, or for another product: what its lines may cost now is not known.',
    remedy: 'Upload the file again, and begin the batch with the id of that upload.',
  },
  list_too_long: {
    status: 400,
    type: invalid,
    plane: 'data',
    meaning:
      'The resources list so many files or batches of other callers that those of this one are not found within one call.',
    remedy: 'Ask for a file or a batch by its id, or go on after one that was listed before (`after`).',
  },
  batch_not_metered: {
    status: 409,
    type: invalid,
    plane: 'data',
    meaning: 'The file holds what a batch used, and has not been read for the ledger yet.',
    remedy: 'Delete it later: a batch is metered within `batches.pollEvery` of its end.',
  },
} as const satisfies Record<string, ErrorDefinition>;
