import type { RandomSource } from '#kernel/random.ts';
import type { Fault, FaultKind, FaultOf } from './fault.ts';

export interface FaultSubject {
  readonly resource: string;
  readonly deployment: string;
  readonly operation: string;
  readonly stream: boolean;
  readonly id: string;
  readonly bodyText: string;
}

export interface FaultReport {
  readonly id: string;
  readonly fault: Fault;
  /** How many requests it has happened to. */
  readonly used: number;
  /** How many more it will happen to; null: every one. */
  readonly left: number | null;
}

interface Entry {
  readonly id: string;
  readonly fault: Fault;
  used: number;
  skipped: number;
}

/** The faults that happen to one request: at most one of each kind. */
export class FaultSet {
  private readonly faults = new Map<FaultKind, Fault>();

  add(fault: Fault): void {
    this.faults.set(fault.kind, fault);
  }

  get<Kind extends FaultKind>(kind: Kind): FaultOf<Kind> | undefined {
    const fault = this.faults.get(kind);
    return fault !== undefined && isOf(fault, kind) ? fault : undefined;
  }

  has(kind: FaultKind): boolean {
    return this.faults.has(kind);
  }

  get none(): boolean {
    return this.faults.size === 0;
  }
}

function isOf<Kind extends FaultKind>(fault: Fault, kind: Kind): fault is FaultOf<Kind> {
  return fault.kind === kind;
}

export const noFaults = new FaultSet();

/** The faults that were asked for. Of several of one kind, the oldest that has uses left happens. */
export class Faults {
  private readonly random: RandomSource;
  private entries: Entry[] = [];
  private made = 0;

  constructor(random: RandomSource) {
    this.random = random;
  }

  get any(): boolean {
    return this.entries.length > 0;
  }

  /** The id of the fault. */
  add(fault: Fault): string {
    this.made += 1;
    const id = `fault-${this.made}`;
    this.entries.push({ id, fault, used: 0, skipped: 0 });
    return id;
  }

  /** How many were removed; all, where no id is given. */
  remove(id?: string): number {
    const before = this.entries.length;
    this.entries = id === undefined ? [] : this.entries.filter((entry) => entry.id !== id);
    return before - this.entries.length;
  }

  report(): FaultReport[] {
    return this.entries.map(({ id, fault, used }) => ({
      id,
      fault,
      used,
      left: fault.times === null ? null : Math.max(0, fault.times - used),
    }));
  }

  /** What happens to this request; counts as a use. */
  take(subject: FaultSubject): FaultSet {
    if (this.entries.length === 0) return noFaults;
    const taken = new FaultSet();
    for (const entry of this.entries)
      if (!taken.has(entry.fault.kind) && this.happens(entry, subject)) taken.add(entry.fault);
    return taken;
  }

  private happens(entry: Entry, subject: FaultSubject): boolean {
    const { fault } = entry;
    if (fault.times !== null && entry.used >= fault.times) return false;
    if (!fits(fault.match, subject)) return false;
    if (entry.skipped < fault.skip) {
      entry.skipped += 1;
      return false;
    }
    if (fault.share < 1 && this.random.next() >= fault.share) return false;
    entry.used += 1;
    return true;
  }
}

function same<Value>(wanted: Value | undefined, is: Value): boolean {
  return wanted === undefined || wanted === is;
}

function fits(match: Fault['match'], subject: FaultSubject): boolean {
  return (
    same(match.resource, subject.resource) &&
    same(match.deployment, subject.deployment) &&
    same(match.operation, subject.operation) &&
    same(match.stream, subject.stream) &&
    same(match.id, subject.id) &&
    (match.contains === undefined || subject.bodyText.includes(match.contains))
  );
}
