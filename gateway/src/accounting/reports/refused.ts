import { Failure } from '#kernel/errors.ts';

/** A question that cannot be answered, with everything that is wrong with it. */
export function refused(problems: readonly string[]): Failure {
  return new Failure('admin_invalid', 'The report cannot be made as it is asked for.', { details: problems });
}
