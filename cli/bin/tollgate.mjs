#!/usr/bin/env node
// The launcher. The sources need the Node that the checkout brings along; under an older one it starts that one.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const main = new URL('../src/main.ts', import.meta.url);
const runtime = fileURLToPath(new URL('../../node_modules/.bin/node', import.meta.url));
const oldest = 26;

if (Number(process.versions.node.split('.')[0]) >= oldest) {
  await import(main.href);
} else if (existsSync(runtime)) {
  const child = spawn(runtime, [fileURLToPath(main), ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('close', (code, signal) => {
    process.exitCode = code ?? 128 + (constants.signals[signal ?? 'SIGKILL'] ?? 0);
  });
} else {
  process.stderr.write(
    `tollgate needs Node ${oldest}; this is ${process.versions.node}, and the checkout's own is not installed yet.\n` +
      '  Install it: npm start (or: node tools/ensure-installed.mjs)\n',
  );
  process.exitCode = 1;
}
