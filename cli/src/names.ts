import { nameSchema } from '@tollgate/contract/admin-api/subscriptions.ts';
import { CommandFailure, exitCodes } from './failure.ts';

/** Refuses what can't be a name before it becomes part of a URL. */
export function checkedName(text: string): string {
  const parsed = nameSchema.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new CommandFailure(`'${text}' is no name: ${parsed.error.issues[0]?.message ?? 'malformed'}.`, {
    exitCode: exitCodes.usage,
  });
}
