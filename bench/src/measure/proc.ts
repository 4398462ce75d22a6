import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';

/** Processor time of one process, in clock ticks. */
export interface ProcessTicks {
  /** User and system time of all its threads, those that have ended included. */
  readonly own: number;
  /** The same of the children it has waited for, and of theirs. */
  readonly reapedChildren: number;
}

/** Parses `/proc/PID/stat` (proc_pid_stat(5)). The program's name may itself hold blanks and parentheses. */
export function parseStat(text: string): ProcessTicks {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [utime, stime, cutime, cstime] = [11, 12, 13, 14].map((index) => Number(fields[index]));
  const ticks = { own: Number(utime) + Number(stime), reapedChildren: Number(cutime) + Number(cstime) };
  if (!Number.isFinite(ticks.own + ticks.reapedChildren)) throw new Error('not the text of a /proc/PID/stat');
  return ticks;
}

/** Reads a field such as `VmHWM:     1956 kB` of `/proc/PID/status`, in bytes; null where it is missing. */
export function parseStatusBytes(text: string, field: string): number | null {
  const kilobytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1];
  return kilobytes === undefined ? null : Number(kilobytes) * 1_024;
}

/** Where the process files are; a folder of its own in tests. */
const procFolder = '/proc';

/** The process and all that descend from it and live. Children hang on the thread that started them. */
export function processTree(pid: number, root = procFolder): number[] {
  const found = [pid];
  for (const parent of found) {
    for (const thread of listThreads(parent, root)) {
      const children = readOrEmpty(`${root}/${parent}/task/${thread}/children`);
      for (const child of children.split(' ')) if (child.trim() !== '') found.push(Number(child));
    }
  }
  return found;
}

function listThreads(pid: number, root: string): string[] {
  try {
    return readdirSync(`${root}/${pid}/task`);
  } catch {
    return [];
  }
}

/** A process may end between listing and reading it: its time then counts as its parent's `reapedChildren`. */
function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

let ticksPerSecond: number | undefined;

function clockTicksPerSecond(): number {
  ticksPerSecond ??= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'latin1' }));
  return ticksPerSecond;
}

/** Processor time in microseconds of a process: all its threads and children, living and reaped. null off Linux. */
export function cpuMicros(pid: number): number | null {
  if (process.platform !== 'linux') return null;
  let ticks = 0;
  for (const member of processTree(pid)) {
    const text = readOrEmpty(`${procFolder}/${member}/stat`);
    if (text === '') continue;
    const read = parseStat(text);
    ticks += read.own + read.reapedChildren;
  }
  return (ticks * 1_000_000) / clockTicksPerSecond();
}

/** `VmHWM`: the most memory it ever had resident; `VmRSS`: what it has now. Bytes, children included; null off Linux. */
export function residentBytes(pid: number, field: 'VmHWM' | 'VmRSS'): number | null {
  let sum: number | null = null;
  for (const member of processTree(pid)) {
    const bytes = parseStatusBytes(readOrEmpty(`${procFolder}/${member}/status`), field);
    if (bytes !== null) sum = (sum ?? 0) + bytes;
  }
  return sum;
}

/** What one core has done since the machine started, in ticks. */
export interface CoreTicks {
  readonly idle: number;
  readonly total: number;
}

/** Reads the line of one core in `/proc/stat`; null where it is missing. Waiting for a disk counts as idle. */
export function parseCoreTicks(text: string, core: number): CoreTicks | null {
  const line = new RegExp(`^cpu${core} (.*)$`, 'm').exec(text)?.[1];
  if (line === undefined) return null;
  // user nice system idle iowait irq softirq steal; guest times, which follow, are in user and nice already.
  const ticks = line.trim().split(/ +/).slice(0, 8).map(Number);
  return { idle: (ticks[3] ?? 0) + (ticks[4] ?? 0), total: ticks.reduce((sum, each) => sum + each, 0) };
}

/** null off Linux. */
export function coreTicks(core: number): CoreTicks | null {
  return parseCoreTicks(readOrEmpty(`${procFolder}/stat`), core);
}
