import { Secret } from '#kernel/secret.ts';
import { deepFreeze } from './freeze.ts';
import type { SecretPlaces } from './secrets.ts';

type Key = string | number;
type Path = readonly Key[];

/** A part of a value on its way from one thread to another. Plain data. */
export interface Parcel {
  /** The map or list that the members belong to, keys from the outermost in. */
  readonly path: Path;
  readonly members: readonly (readonly [key: Key, value: unknown])[];
  /** Those of the members that are still empty, and filled by parcels that follow. */
  readonly open: readonly Key[];
  /** No class survives the crossing; where they stand is null. Paths begin with the key of a member. */
  readonly secrets: readonly PackedSecret[];
}

interface PackedSecret {
  readonly path: Path;
  readonly text: string;
  readonly file: string | null;
  readonly keyVault: string | null;
  readonly mayHaveDefault: boolean;
}

/** So many values at most are read from a message in one turn: about a millisecond of work. */
const mostValues = 1_500;

/**
 * A value of maps, lists, plain values and secrets in parcels that are small enough to be taken in one at a time, between
 * other work. Members keep their order.
 */
export function* parcelsOf(value: object): Generator<Parcel, undefined, undefined> {
  const weights = new Map<object, number>();
  weigh(value, weights);
  yield* within(value, [], weights);
  return undefined;
}

function weigh(value: unknown, weights: Map<object, number>): number {
  if (!isContainer(value)) return 1;
  let weight = 1;
  for (const inner of Object.values(value)) weight += weigh(inner, weights);
  weights.set(value, weight);
  return weight;
}

const isContainer = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !(value instanceof Secret);

/** Keys of a list are its indices; holes have none. */
const entriesOf = (container: object): readonly (readonly [Key, unknown])[] =>
  Array.isArray(container)
    ? Object.keys(container).map((index) => [Number(index), container[Number(index)] as unknown] as const)
    : Object.entries(container);

function* within(
  container: object,
  path: Path,
  weights: ReadonlyMap<object, number>,
): Generator<Parcel, undefined, undefined> {
  let parcel = emptyParcel(path);
  let weight = 0;
  for (const [key, inner] of entriesOf(container)) {
    const more = isContainer(inner) ? (weights.get(inner) ?? 1) : 1;
    const isOpen = isContainer(inner) && more > mostValues;
    if (weight > 0 && (isOpen || weight + more > mostValues)) {
      yield parcel;
      parcel = emptyParcel(path);
      weight = 0;
    }
    if (isOpen) {
      yield { ...emptyParcel(path), members: [[key, Array.isArray(inner) ? [] : {}]], open: [key] };
      yield* within(inner, [...path, key], weights);
    } else {
      parcel.members.push([key, plainOf(inner, [key], parcel.secrets)]);
      weight += more;
    }
  }
  if (weight > 0) yield parcel;
  return undefined;
}

const emptyParcel = (
  path: Path,
): Parcel & { readonly members: [Key, unknown][]; readonly secrets: PackedSecret[] } => ({
  path,
  members: [],
  open: [],
  secrets: [],
});

function plainOf(value: unknown, path: Path, secrets: PackedSecret[]): unknown {
  if (value instanceof Secret) {
    const { file, keyVault, mayHaveDefault } = value;
    secrets.push({ path, text: value.reveal(), file, keyVault, mayHaveDefault });
    return null;
  }
  if (!isContainer(value)) return value;
  const copy: object = Array.isArray(value) ? [] : {};
  for (const [key, inner] of entriesOf(value)) define(copy, key, plainOf(inner, [...path, key], secrets));
  return copy;
}

/** Also where the key is one that every object has. */
const define = (container: object, key: Key, value: unknown): void =>
  void Reflect.defineProperty(container, key, { value, writable: true, enumerable: true, configurable: true });

/** Puts parcels together again, in the order in which they were made. */
export class Unpacking {
  readonly #root: object = {};
  readonly #open: object[] = [this.#root];
  readonly #places = { keyVault: new Set<string>(), files: new Set<string>() };

  add({ path, members, open, secrets }: Parcel): void {
    const container = at(this.#root, path);
    for (const [key, value] of members) define(container, key, value);
    for (const secret of secrets) this.#unpack(container, secret);
    for (const [key] of members) {
      const value: unknown = Reflect.get(container, key);
      if (!open.includes(key)) deepFreeze(value);
      else if (isContainer(value)) this.#open.push(value);
    }
  }

  /** The value, frozen through and through, and where its secrets stand. */
  done(): { readonly value: object; readonly places: SecretPlaces } {
    for (const container of this.#open) Object.freeze(container);
    return { value: this.#root, places: this.#places };
  }

  #unpack(container: object, { path, text, file, keyVault, mayHaveDefault }: PackedSecret): void {
    const secret = new Secret(sourceOf(text, file, keyVault), mayHaveDefault);
    secret.load(text);
    if (keyVault !== null) this.#places.keyVault.add(keyVault);
    if (file !== null) this.#places.files.add(file);
    define(at(container, path.slice(0, -1)), path.at(-1) ?? '', secret);
  }
}

function sourceOf(text: string, file: string | null, keyVault: string | null): ConstructorParameters<typeof Secret>[0] {
  if (keyVault !== null) return { keyVault };
  return file === null ? { text } : { file };
}

function at(root: object, path: Path): object {
  let here = root;
  for (const key of path) {
    const inner: unknown = Object.getOwnPropertyDescriptor(here, key)?.value;
    if (!isContainer(inner)) throw new Error('A parcel came before the one that it belongs into.');
    here = inner;
  }
  return here;
}
