/** A Dockerfile as far as ours goes: what each stage does, in order. */
export interface Stage {
  readonly from: string;
  /** Empty where it has none. */
  readonly name: string;
  readonly steps: readonly Step[];
}

export interface Step {
  /** `COPY`, `RUN`, … */
  readonly instruction: string;
  readonly rest: string;
}

export function parseDockerfile(text: string): readonly Stage[] {
  const stages: { from: string; name: string; steps: Step[] }[] = [];
  for (const line of text.replaceAll(/\\\n/g, ' ').split('\n')) {
    const [, instruction = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    if (instruction === '') {
      if (line.trim() !== '' && !line.startsWith('#')) throw new Error(`What is this? ${line}`);
      continue;
    }
    if (instruction === 'FROM') {
      const [, from = '', name = ''] = /^(\S+)(?: AS (\S+))?$/.exec(rest) ?? [];
      stages.push({ from, name, steps: [] });
    } else stages.at(-1)?.steps.push({ instruction, rest });
  }
  return stages;
}

/** What a `COPY` copies, and where to; `stage` where it is not from the sources. */
export function copied(rest: string): {
  readonly stage: string | undefined;
  readonly from: readonly string[];
  readonly to: string;
} {
  const words = rest.split(/\s+/);
  const stage = words[0]?.startsWith('--from=') === true ? words.shift()?.slice('--from='.length) : undefined;
  const to = words.pop() ?? '';
  return { stage, from: words, to };
}
