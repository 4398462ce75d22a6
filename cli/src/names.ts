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

/** The same for names of models and endpoints, which may have capitals, dots and underscores. */
export function checkedAzureName(text: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text)) return text;
  throw new CommandFailure(`'${text}' is no name: letters, digits, dots, dashes and underscores, at most 64.`, {
    exitCode: exitCodes.usage,
  });
}
