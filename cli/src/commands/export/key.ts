import type { Command } from 'commander';
import { exportKeySchema } from '@tollgate/contract/export-signature.ts';
import { adminClient } from '#admin/client.ts';
import { withExamples } from '#command-tree.ts';
import type { Context } from '#context.ts';
import { prettyJson } from '#output/json.ts';

export function addExportKey(parent: Command, context: Context): void {
  const command = parent
    .command('key')
    .description('The public key that verifies exports of this gateway: give it to whoever is to check them.')
    .option('--json', 'the key and its id, as the admin API answers')
    .action(async ({ json }: { readonly json?: boolean }) => {
      const { value, raw } = await adminClient(context.settings).ask({ path: 'exports/key', schema: exportKeySchema });
      if (json === true) {
        context.out.write(prettyJson(raw));
        return;
      }
      context.out.write(value.publicKey);
      context.err.write(`key id: ${value.keyId}\n`);
    });
  withExamples(command, [{ line: 'export key > tollgate-export-key.pem', says: 'once, over a way that you trust' }]);
}
