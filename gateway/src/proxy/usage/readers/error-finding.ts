import type { Json, JsonObject } from '#kernel/json.ts';
import type { Finding } from '#proxy/usage/findings.ts';

/** Codes by which a provider says that the failure is its own, without case and underscores. */
const ownCodes = new Set([
  'servererror',
  'internalerror',
  'internalservererror',
  'serverisoverloaded',
  'serviceunavailable',
  'badgateway',
  'gatewaytimeout',
]);

const isOwn = (code: Json | undefined): boolean =>
  (typeof code === 'string' || typeof code === 'number') &&
  (/^5\d\d$/.test(String(code)) || ownCodes.has(String(code).toLowerCase().replaceAll('_', '')));

/**
 * An error in a reply that had begun with success. Azure's filter may break a reply off like that; of the others some are the
 * client's doing (a picture that cannot be read), and some the provider's own.
 */
export function errorFinding(error: JsonObject): Pick<Finding, 'ending' | 'ownFault'> {
  const { code, type } = error;
  if (code === 'content_filter') return { ending: 'filtered-completion' };
  return isOwn(code) || isOwn(type) ? { ending: 'failed', ownFault: true } : { ending: 'failed' };
}
