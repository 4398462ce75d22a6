import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { versionSchema } from '@tollgate/contract/admin-api/operations.ts';
import { z } from 'zod';
import { adminClient } from '#admin/client.ts';
import { parseJson } from '#admin/json.ts';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { CommandFailure, exitCodes } from '#failure.ts';
import { project } from '#project.ts';
import { prettyJson } from '#output/json.ts';

export function ownVersion(): string {
  return z.object({ version: z.string() }).parse(parseJson(readFileSync(project.packageFile, 'utf8'))).version;
}

export function addVersion(parent: Command, context: Context): void {
  const command = parent
    .command('version')
    .description('Print the version of this command, and of the running gateway where there is one.')
    .option('--json', 'print JSON')
    .action(async (options: { readonly json?: boolean }) => {
      const own = { version: ownVersion(), node: process.versions.node };
      const gateway = await gatewayVersion(context);
      if (options.json === true) {
        context.out.write(prettyJson({ command: own, gateway }));
        return;
      }
      context.out.write(`tollgate ${own.version} (Node ${own.node})\n`);
      context.out.write(
        gateway === null
          ? 'no gateway is running\n'
          : `gateway  ${gateway.version} (Node ${gateway.node.replace(/^v/, '')}), running since ${gateway.startedAt}\n`,
      );
    });
  withExamples(command, [{ line: 'version', says: 'what to tell when you report a defect' }]);
}

async function gatewayVersion(context: Context): Promise<z.output<typeof versionSchema> | null> {
  try {
    const { value } = await adminClient(context.settings).ask({ path: 'version', schema: versionSchema });
    return value;
  } catch (thrown) {
    if (thrown instanceof CommandFailure && thrown.exitCode === exitCodes.noGateway) return null;
    throw thrown;
  }
}
