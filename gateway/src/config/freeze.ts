import { Secret } from '#kernel/secret.ts';

/** Freezes a value and everything in it. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  if (value instanceof Secret) return value;
  for (const inner of Object.values(value)) deepFreeze(inner);
  return value;
}
