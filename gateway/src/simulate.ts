import type { Simulation } from '@tollgate/contract/simulation.ts';
import { createConfigLoader } from '#config/load.ts';
import { formatProblem } from '#config/problem.ts';
import { scriptSection, type Script } from '#simulation/script.ts';
import { simulate } from '#simulation/simulate.ts';

/**
 * `node gateway/src/simulate.ts SCRIPT`: runs a script of `tollgate route simulate` and prints what came of it as JSON. Status
 * 1, and every mistake on standard error, where the script is not good.
 */
const [file] = process.argv.slice(2);
if (file === undefined) {
  process.stderr.write('Usage: node gateway/src/simulate.ts SCRIPT\n');
  process.exitCode = 2;
} else {
  const result = createConfigLoader<Script>([scriptSection]).load(file, {});
  if (result.ok) {
    const { config: script } = result.loaded;
    const { endpoints, rows } = simulate(script);
    const simulation: Simulation = {
      seed: script.seed,
      intervalMs: script.interval,
      endpoints: [...endpoints],
      rows: rows.map((row) => ({ ...row, endpoints: [...row.endpoints] })),
    };
    process.stdout.write(`${JSON.stringify(simulation)}\n`);
  } else {
    process.stderr.write(result.problems.map((problem) => `${formatProblem(problem)}\n`).join(''));
    process.exitCode = 1;
  }
}
