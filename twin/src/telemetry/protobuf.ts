import type { Json } from '#kernel/json.ts';

/**
 * Reads protobuf (protobuf.dev/programming-guides/encoding) into the JSON that OTLP has for the same messages: 64-bit numbers are
 * decimal texts, ids hexadecimal ones. Fields that no schema knows are passed over.
 */
type FieldType =
  | 'string'
  | 'hex'
  | 'bool'
  | 'int'
  | 'fixed64'
  | 'double'
  | 'packed-fixed64'
  | 'packed-double'
  | Message;

export interface Field {
  readonly name: string;
  readonly type: FieldType;
  readonly repeated?: true;
}

/** By field number. A function, because messages refer to each other. */
export type Message = () => Readonly<Record<number, Field>>;

type Values = Record<string, Json>;

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get more(): boolean {
    return this.#at < this.#bytes.length;
  }

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.take(1)[0] ?? 0;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return BigInt.asIntN(64, value);
      if (shift > 63n) throw new Error('A number is too long.');
    }
  }

  take(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new Error('The message ends too early.');
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  delimited(): Buffer {
    return this.take(Number(this.varint()));
  }

  /** The bytes of a value of this wire type. */
  pass(wireType: number): void {
    if (wireType === 0) this.varint();
    else if (wireType === 1) this.take(8);
    else if (wireType === 2) this.delimited();
    else if (wireType === 5) this.take(4);
    else throw new Error(`There is no wire type ${wireType}.`);
  }
}

const eights = (bytes: Buffer): readonly number[] => Array.from({ length: bytes.length / 8 }, (_, at) => at * 8);

const readers: Readonly<Record<Exclude<FieldType, Message>, (reader: Reader) => Json>> = {
  string: (reader) => reader.delimited().toString(),
  hex: (reader) => reader.delimited().toString('hex'),
  bool: (reader) => reader.varint() !== 0n,
  int: (reader) => String(reader.varint()),
  fixed64: (reader) => String(reader.take(8).readBigInt64LE()),
  double: (reader) => reader.take(8).readDoubleLE(),
  'packed-fixed64'(reader) {
    const bytes = reader.delimited();
    return eights(bytes).map((at) => String(bytes.readBigInt64LE(at)));
  },
  'packed-double'(reader) {
    const bytes = reader.delimited();
    return eights(bytes).map((at) => bytes.readDoubleLE(at));
  },
};

function valueOf(reader: Reader, type: FieldType): Json {
  return typeof type === 'function' ? decode(reader.delimited(), type) : readers[type](reader);
}

const wireTypes: Readonly<Record<Exclude<FieldType, Message>, number>> = {
  string: 2,
  hex: 2,
  bool: 0,
  int: 0,
  fixed64: 1,
  double: 1,
  'packed-fixed64': 2,
  'packed-double': 2,
};

const wireTypeOf = (type: FieldType): number => (typeof type === 'function' ? 2 : wireTypes[type]);

/** Throws where the bytes are no such message. */
export function decode(bytes: Buffer, message: Message): Values {
  const fields = message();
  const reader = new Reader(bytes);
  const values: Values = {};
  while (reader.more) {
    const tag = Number(reader.varint());
    const field = fields[tag >>> 3];
    if (field === undefined || wireTypeOf(field.type) !== (tag & 7)) {
      reader.pass(tag & 7);
      continue;
    }
    const value = valueOf(reader, field.type);
    const before = values[field.name];
    if (field.repeated === true) values[field.name] = [...(Array.isArray(before) ? before : []), value];
    else values[field.name] = value;
  }
  return values;
}

/** A message of one field that holds another one: `{ 1: { 1: number, 2: text } }`, as answers of OTLP have. */
export function partialSuccess(rejected: number, message: string): Buffer {
  const text = Buffer.from(message);
  const inner = Buffer.concat([Buffer.from([0x08, rejected, 0x12, text.length]), text]);
  return Buffer.concat([Buffer.from([0x0a, inner.length]), inner]);
}
