import { cpus, release, totalmem } from 'node:os';

/** Where figures were taken: they mean nothing without it. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly kernel: string;
  readonly node: string;
  /** Null when upstream and load had core 0 and the program under test core 1 to itself; else why not. */
  readonly notPinned: string | null;
}

export function describeMachine(notPinned: string | null): Machine {
  const all = cpus();
  return {
    processor: all[0]?.model.trim() ?? 'unknown',
    cores: all.length,
    memoryBytes: totalmem(),
    kernel: `${process.platform} ${release()}`,
    node: process.version,
    notPinned,
  };
}
