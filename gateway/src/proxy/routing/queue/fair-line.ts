import { priorities, type Priority } from '#model/priority.ts';

/** What of a waiting call its place goes by. */
export interface Placed {
  readonly priority: Priority;
  readonly consumer: string;
}

/** The calls of one class by consumer; the consumer that stands first is next. */
type ClassLine<One> = Map<string, One[]>;

function countOf<One>(line: ClassLine<One>): number {
  let count = 0;
  for (const calls of line.values()) count += calls.length;
  return count;
}

function longestOf<One>(line: ClassLine<One>): One[] {
  let longest: One[] = [];
  for (const calls of line.values()) if (calls.length > longest.length) longest = calls;
  return longest;
}

/**
 * Who is next among those who wait: the most urgent class first, in it the consumers in turn, of one consumer whoever came
 * first. So a consumer that sends a thousand calls delays the others by one call each time round, not by a thousand.
 */
export class FairLine<One extends Placed> {
  readonly #classes: Readonly<Record<Priority, ClassLine<One>>> = {
    interactive: new Map(),
    standard: new Map(),
    batch: new Map(),
  };
  #length = 0;

  get length(): number {
    return this.#length;
  }

  count(priority: Priority): number {
    return countOf(this.#classes[priority]);
  }

  /** The index of the most urgent class in which somebody waits. */
  get urgency(): number {
    const found = priorities.findIndex((priority) => this.#classes[priority].size > 0);
    return found === -1 ? priorities.length : found;
  }

  /** In the order of classes; inside a class, by consumer. */
  all(): readonly One[] {
    return priorities.flatMap((priority) => [...this.#classes[priority].values()].flat());
  }

  some(holds: (one: One) => boolean): boolean {
    for (const priority of priorities)
      for (const calls of this.#classes[priority].values()) if (calls.some(holds)) return true;
    return false;
  }

  /** `first`: before the others of its consumer, because it has been here before. */
  add(one: One, first: boolean): void {
    const line = this.#classes[one.priority];
    const calls = line.get(one.consumer);
    if (calls === undefined) line.set(one.consumer, [one]);
    else if (first) calls.unshift(one);
    else calls.push(one);
    this.#length += 1;
  }

  /** False where it was not there. */
  remove(one: One): boolean {
    const line = this.#classes[one.priority];
    const calls = line.get(one.consumer);
    const at = calls?.indexOf(one) ?? -1;
    if (calls === undefined || at === -1) return false;
    calls.splice(at, 1);
    if (calls.length === 0) line.delete(one.consumer);
    this.#length -= 1;
    return true;
  }

  /** Takes the next one that can go; its consumer is last from then on. Undefined where none can. */
  take(canGo: (one: One) => boolean): One | undefined {
    for (const priority of priorities) {
      const line = this.#classes[priority];
      for (const [consumer, calls] of line) {
        const found = calls.find(canGo);
        if (found === undefined) continue;
        this.remove(found);
        if (line.delete(consumer)) line.set(consumer, calls);
        return found;
      }
    }
    return undefined;
  }

  /**
   * Who has to make room for a newcomer where the line may grow no longer: the last call of the consumer that has most in
   * the least urgent class. Undefined where nobody has: they are more urgent, or the newcomer's consumer has its share.
   */
  displacedBy(newcomer: Placed): One | undefined {
    for (const priority of priorities.toReversed()) {
      const line = this.#classes[priority];
      const longest = longestOf(line);
      if (priority === newcomer.priority) {
        const own = line.get(newcomer.consumer)?.length ?? 0;
        return longest.length > own + 1 ? longest.at(-1) : undefined;
      }
      if (longest.length > 0) return longest.at(-1);
    }
    return undefined;
  }
}
