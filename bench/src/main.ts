/**
 * `npm run bench`. The same file starts the processes that a run needs, each of which loads only its own part, so that
 * the programs under test carry nothing of the benchmark.
 */
const role = process.argv[2];
if (role === 'driver') {
  const { driver } = await import('./driver.ts');
  await driver();
} else if (role === 'bare-proxy') {
  const { runBareProxy } = await import('./bare-proxy.ts');
  await runBareProxy(process.argv[3] ?? '');
} else {
  const { bench } = await import('./bench.ts');
  process.exitCode = await bench(process.argv.slice(2));
}
