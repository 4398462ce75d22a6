import { isJsonObject, type Json, type JsonObject } from '#kernel/json.ts';
import { countHostedCalls, type HostedCall } from '#proxy/usage/findings.ts';

import { objectOf, textOf, tokenCount } from './token-counts.ts';

/**
 * The tools that the provider runs and charges for beyond tokens (https://platform.openai.com/docs/pricing#built-in-tools,
 * https://azure.microsoft.com/pricing/details/cognitive-services/openai-service/): searches by the call, containers by the
 * session, pictures by the image model's own tokens, which `usage` leaves out. A call is counted whatever its `status` says:
 * Azure leaves it at `searching` or `generating` in replies that are complete. Not here, because only their tokens are
 * charged: function, custom, MCP and tool-search calls, and what the client runs itself.
 */
const hostedTools: Readonly<Record<string, (item: JsonObject) => HostedCall | undefined>> = {
  web_search_call: webSearch,
  file_search_call: () => ({ tool: 'file_search', session: null }),
  code_interpreter_call: (item) => ({ tool: 'code_interpreter', session: textOf(item['container_id']) ?? null }),
  image_generation_call: () => ({ tool: 'image_generation', session: null }),
  shell_call: hostedShell,
};

/** The members of an output item that say whether it is charged. */
export const hostedToolMembers = {
  type: true,
  action: { type: true },
  container_id: true,
  environment: { type: true, container_id: true },
} as const;

/** The charged call that an item of `output` stands for, if any. */
export function hostedCallOf(item: Json | undefined): HostedCall | undefined {
  if (!isJsonObject(item)) return undefined;
  const type = textOf(item['type']);
  return type !== undefined && Object.hasOwn(hostedTools, type) ? hostedTools[type]?.(item) : undefined;
}

/** All charged calls of a response. */
export function toolCallsOf(response: JsonObject): Record<string, number> {
  const output = response['output'];
  const items: readonly Json[] = Array.isArray(output) ? output : [];
  const calls = countHostedCalls(items.map(hostedCallOf).filter((call) => call !== undefined));
  // Newer replies count the billable searches themselves, without those that are free of charge.
  const searches = tokenCount(objectOf(objectOf(response['tool_usage'])['web_search'])['num_requests']);
  if (searches === null) return calls;
  const { web_search: _, ...others } = calls;
  return searches === 0 ? others : { ...others, web_search: searches };
}

/** Opening a page that was found, and searching within it, is part of the search. */
function webSearch(item: JsonObject): HostedCall | undefined {
  const action = textOf(objectOf(item['action'])['type']);
  return action === 'open_page' || action === 'find_in_page' ? undefined : { tool: 'web_search', session: null };
}

/** The shell tool runs in the provider's container, or, without one, at the client. */
function hostedShell(item: JsonObject): HostedCall | undefined {
  const environment = objectOf(item['environment']);
  const type = textOf(environment['type']);
  if (type === undefined || type === 'local') return undefined;
  return { tool: 'shell', session: textOf(environment['container_id']) ?? null };
}
