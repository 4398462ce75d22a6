import { copyFileSync, mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { summariseProfile } from '#measure/cpu-profile.ts';
import type { CpuProfile, ProfileSummary, SelfTime } from '#measure/cpu-profile.ts';
import type { Workload } from '#results.ts';
import type { Stage } from '#stage.ts';
import { planFor } from './speed.ts';
import { startGateway } from './under-test.ts';

export interface ThreadProfile {
  readonly workload: Workload;
  /** 0 is the main thread, workers follow. */
  readonly thread: number;
  readonly file: string;
  readonly summary: ProfileSummary;
}

const functionsListed = 30;

/** Runs the gateway under V8's sampling profiler, once per workload; the profiles stay in the current folder. */
export async function profileGateway(stage: Stage): Promise<ThreadProfile[]> {
  const found: ThreadProfile[] = [];
  for (const workload of ['unstreamed', 'streamed'] as const) {
    if (!stage.options.parts.includes(workload)) continue;
    const folder = join(stage.newFolder('profile'), 'profiles');
    mkdirSync(folder);
    const program = await startGateway(stage, { nodeOptions: ['--cpu-prof', `--cpu-prof-dir=${folder}`] });
    try {
      const { warmUpMs, measureMs } = stage.options.durations;
      await stage.driver.load({ ...planFor(stage, workload, program), durationMs: warmUpMs + measureMs });
      await program.settled();
    } finally {
      await program.stop();
    }
    found.push(...collect(folder, workload));
  }
  return found;
}

/** Node writes one file a thread when it ends: `CPU.<date>.<time>.<pid>.<thread>.<sequence>.cpuprofile`. */
function collect(folder: string, workload: Workload): ThreadProfile[] {
  const files = readdirSync(folder).toSorted((a, b) => threadOf(a) - threadOf(b));
  return files.map((name) => {
    const thread = threadOf(name);
    const file = resolve(`gateway-${workload}-thread${thread}.cpuprofile`);
    copyFileSync(join(folder, name), file);
    const profile: CpuProfile = JSON.parse(readFileSync(file, 'utf8'));
    return { workload, thread, file, summary: summariseProfile(profile, functionsListed) };
  });
}

function threadOf(name: string): number {
  return Number(name.split('.')[4] ?? 0);
}

export function renderProfiles(profiles: readonly ThreadProfile[]): string {
  const blocks = profiles.map((profile) => {
    const { summary } = profile;
    return [
      `### ${profile.workload}, thread ${profile.thread}: ${(summary.busyMicros / 1e6).toFixed(2)} s busy`,
      `\n${profile.file}\n`,
      `| where | self time |\n|---|---:|\n${lines(summary.areas)}\n`,
      `| function | self time |\n|---|---:|\n${lines(summary.functions)}\n`,
    ].join('\n');
  });
  return blocks.join('\n');
}

function lines(rows: readonly SelfTime[]): string {
  return rows
    .filter((row) => row.share >= 0.005)
    .map((row) => `| ${row.name} | ${(row.share * 100).toFixed(1)} % |`)
    .join('\n');
}
