import assert from 'node:assert/strict';
import type { BatchBook, Limits } from '#proxy/ports.ts';

/** For tests of calls: nobody asks about batches there. */
export const noBatches: BatchBook = {
  pending: () => assert.fail('no batch is followed'),
  lineStates: () => assert.fail('no batch is metered'),
  end: () => assert.fail('no batch ends'),
  isMetered: () => assert.fail('no file is deleted'),
};

export const noBatchLimits: Pick<Limits, 'mostOf' | 'beginBatch' | 'recorded'> = {
  mostOf: () => assert.fail('no line is checked'),
  beginBatch: () => assert.fail('no batch is begun'),
  recorded: () => assert.fail('no line is recorded'),
};
