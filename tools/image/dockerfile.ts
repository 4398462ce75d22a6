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
  const lines = text.replaceAll(/\\\n/g, ' ').split('\n');
  for (const line of lines.filter((one) => one.trim() !== '' && !one.startsWith('#'))) {
    const [, instruction, rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    if (instruction === undefined) throw new Error(`What is this? ${line}`);
    if (instruction === 'FROM') {
      const [from = '', , name = ''] = rest.split(' ');
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
