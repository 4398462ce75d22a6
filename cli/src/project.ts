import { fileURLToPath } from 'node:url';

const fromRoot = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** Where the parts of this checkout lie; programs are started as processes, never imported. */
export const project = {
  root: fromRoot('.').replace(/\/$/, ''),
  packageFile: fromRoot('cli/package.json'),
  gatewayMain: fromRoot('gateway/src/main.ts'),
  doctorMain: fromRoot('gateway/src/doctor.ts'),
  simulateMain: fromRoot('gateway/src/simulate.ts'),
  twinMain: fromRoot('twin/src/main.ts'),
  demoConfig: fromRoot('examples/demo.yaml'),
  defaultDataFolder: fromRoot('.tollgate'),
  /** Compiled code, of the programs that this command starts too; goes when node_modules goes. */
  compileCache: fromRoot('node_modules/.cache/compile'),
  leaveWithParent: fromRoot('cli/bin/leave-with-parent.mjs'),
} as const;
