// docs/reference/errors.md: every error that Tollgate itself answers with, from the closed list in contract/src/errors.ts.
import { errorDefinitions, type ErrorDefinition } from '../../contract/src/errors.ts';

const introduction = `# Errors

<!-- Generated from contract/src/errors.ts. Do not edit. -->

Every error that Tollgate itself answers with. What an upstream answers is passed on as it came, but for errors that
concern Tollgate's own set-up.

The data plane speaks the dialect of Azure OpenAI, so that SDKs raise their typed errors:

\`\`\`json
{
  "error": {
    "code": "invalid_api_key",
    "message": "No subscription has this key. (request id: 01JDA8…)",
    "type": "authentication_error",
    "param": null
  }
}
\`\`\`

\`message\` ends with the request id, which is in \`x-request-id\` and in the log too; no error holds an internal detail,
a key or a prompt. \`param\` names the field at fault. \`x-should-retry: false\` says that Tollgate has retried already.
`;

const planes = [
  ['data', 'Data plane'],
  ['admin', 'Admin API'],
] as const;

/** The whole page. */
export function generateErrorReference(): string {
  const definitions: readonly (readonly [string, ErrorDefinition])[] = Object.entries(errorDefinitions);
  const sections = planes.map(([plane, title]) => {
    const own = definitions.filter(([, one]) => one.plane === plane);
    const rows = own.map(
      ([code, one]) => `| \`${code}\` | ${one.status} | \`${one.type}\` | ${cell(one.meaning)} | ${cell(one.remedy)} |`,
    );
    return [
      `## ${title}`,
      '',
      '| code | status | type | what has happened | what to do |',
      '|---|---|---|---|---|',
      ...rows,
    ].join('\n');
  });
  return `${[introduction.trimEnd(), ...sections].join('\n\n')}\n`;
}

const cell = (text: string): string => text.replaceAll('|', '\\|');
