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
  readonly children?: readonly number[];
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
const nativeArea = 'native code';

/**
 * Where the time went that a thread spent itself, not in what it called. Native code, such as a write to a socket, is told
 * apart by the package or folder that asked for it.
 */
export function summariseProfile(profile: CpuProfile, functionCount: number): ProfileSummary {
  const names = nameNodes(profile.nodes);
  const areas = new Map<string, number>();
  const functions = new Map<string, number>();
  let busyMicros = 0;
  for (const [index, id] of profile.samples.entries()) {
    const name = names.get(id);
    const micros = Math.max(0, profile.timeDeltas[index] ?? 0);
    if (name === undefined || name.area === idle) continue;
    busyMicros += micros;
    add(areas, name.area, micros);
    add(functions, name.function, micros);
  }
  return {
    busyMicros,
    areas: ranked(areas, busyMicros),
    functions: ranked(functions, busyMicros).slice(0, functionCount),
  };
}

interface NodeName {
  readonly area: string;
  readonly function: string;
}

/** Walks the call tree from its root, so that each node knows who called it. */
function nameNodes(nodes: readonly ProfileNode[]): Map<number, NodeName> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const called = new Set(nodes.flatMap((node) => node.children ?? []));
  const names = new Map<number, NodeName>();
  const waiting = nodes.filter((node) => !called.has(node.id)).map((node) => ({ node, caller: '' }));
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { node, caller } = next;
    const frame = node.callFrame;
    const area = areaOf(frame.url, frame.functionName);
    const asked = caller === '' ? '' : ` for ${caller}`;
    const isNative = area === nativeArea;
    names.set(node.id, {
      area: isNative ? area + asked : area,
      function: isNative
        ? `${frame.functionName || '(anonymous)'}${asked}`
        : `${frame.functionName || '(anonymous)'} ${placeOf(frame)}`.trim(),
    });
    const askedBy = isNative || /^(node:|\(|other$)/.test(area) ? caller : area;
    for (const id of node.children ?? []) {
      const child = byId.get(id);
      if (child !== undefined) waiting.push({ node: child, caller: askedBy });
    }
  }
  return names;
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
  return functionName.startsWith('(') ? functionName : nativeArea;
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
