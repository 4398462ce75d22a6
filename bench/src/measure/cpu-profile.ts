/** The part of V8's CPU profile (`*.cpuprofile`) that is read here. Times are in microseconds. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  /** How long before each sample the one before it was taken. */
  readonly timeDeltas: readonly number[];
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
}

export interface SelfTime {
  readonly name: string;
  readonly micros: number;
  /** Of the time in which the thread was not idle. */
  readonly share: number;
}

export interface ProfileSummary {
  readonly busyMicros: number;
  /** By folder of the gateway, package, or part of Node; the largest first. */
  readonly areas: readonly SelfTime[];
  readonly functions: readonly SelfTime[];
}

const idle = '(idle)';

/** Where the time went that a thread spent itself, not in what it called. */
export function summariseProfile(profile: CpuProfile, functionCount: number): ProfileSummary {
  const frames = new Map(profile.nodes.map((node) => [node.id, node.callFrame]));
  const areas = new Map<string, number>();
  const functions = new Map<string, number>();
  let busyMicros = 0;
  for (const [index, id] of profile.samples.entries()) {
    const frame = frames.get(id);
    const micros = Math.max(0, profile.timeDeltas[index] ?? 0);
    if (frame === undefined || frame.functionName === idle) continue;
    busyMicros += micros;
    add(areas, areaOf(frame.url, frame.functionName), micros);
    add(functions, `${frame.functionName || '(anonymous)'} ${placeOf(frame)}`.trim(), micros);
  }
  return {
    busyMicros,
    areas: ranked(areas, busyMicros),
    functions: ranked(functions, busyMicros).slice(0, functionCount),
  };
}

function add(sums: Map<string, number>, key: string, micros: number): void {
  sums.set(key, (sums.get(key) ?? 0) + micros);
}

function ranked(sums: ReadonlyMap<string, number>, all: number): SelfTime[] {
  return [...sums]
    .map(([name, micros]) => ({ name, micros, share: all === 0 ? 0 : micros / all }))
    .toSorted((a, b) => b.micros - a.micros);
}

/** `gateway/proxy/usage`, `undici`, `node:net`; V8's own entries, such as the garbage collector, by their name. */
export function areaOf(url: string, functionName: string): string {
  const ours = /\/gateway\/src\/(.*)$/.exec(url)?.[1];
  if (ours !== undefined) {
    const folders = ours.split('/').slice(0, -1).slice(0, 2);
    return ['gateway', ...folders].join('/');
  }
  const installed = /^.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1];
  if (installed !== undefined) return installed;
  if (url.startsWith('node:')) return nodeArea(url);
  if (url !== '') return 'other';
  return functionName.startsWith('(') ? functionName : 'native code';
}

/** `node:_http_server` and `node:internal/streams/…` are parts of what users know as http and streams. */
function nodeArea(url: string): string {
  const path = url.slice('node:'.length);
  if (/^_http|^http|^internal\/http/.test(path)) return 'node:http';
  if (/^internal\/streams|^stream|^internal\/js_stream/.test(path)) return 'node:stream';
  if (/^net$|^internal\/(net|stream_base_commons)/.test(path)) return 'node:net';
  if (/^internal\/(process|timers|async_hooks|task_queues)|^timers/.test(path)) return 'node: event loop';
  return `node:${path.split('/').slice(0, 2).join('/')}`;
}

function placeOf(frame: ProfileNode['callFrame']): string {
  if (frame.url === '') return '';
  const path = frame.url
    .replace(/^file:\/\//, '')
    .replace(/^.*\/(?=gateway\/src\/)/, '')
    .replace(/^.*\/node_modules\//, '');
  return `${path}:${frame.lineNumber + 1}`;
}
