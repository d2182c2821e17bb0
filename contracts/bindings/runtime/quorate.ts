// What generated clients of Quorate contracts stand on: JSON-RPC over fetch, canonical values,
// and signed transactions. No package is needed beside a runtime with fetch and WebCrypto's
// Ed25519: Node 20 and later, Deno, Bun, and current browsers.

/** An account or a contract: 0x and 64 lowercase hex digits. */
export type Address = `0x${string}`;
/** 32 bytes: 0x and 64 lowercase hex digits. */
export type Hash = `0x${string}`;
/** Bytes of a fixed number: 0x and lowercase hex digits. */
export type Hex = `0x${string}`;

/** A type in a contract's description, as `contract_abi` tells it. */
export type Type =
  | "unit" | "bool"
  | "u8" | "u16" | "u32" | "u64" | "u128"
  | "i8" | "i16" | "i32" | "i64" | "i128"
  | "string" | "bytes" | "address" | "hash"
  | { option: Type }
  | { vec: Type }
  | { array: { of: Type; length: number } }
  | { tuple: readonly Type[] }
  | { map: { key: Type; value: Type } }
  | { struct: { name: string; fields: readonly Field[] } }
  | { enum: { name: string; variants: readonly { name: string; fields: readonly Field[] }[] } };

export interface Field { name: string; type: Type }

export interface EventField extends Field { indexed: boolean }

export interface Method {
  name: string;
  selector: Hex;
  kind: "init" | "call" | "query" | "migrate";
  parameters: readonly Field[];
  returns: Type;
  error: Type | null;
}

/** As much of a contract's description as a client needs. */
export interface Abi {
  name: string;
  methods: readonly Method[];
  events: readonly { name: string; fields: readonly EventField[] }[];
}

/** What a node answered instead of a result. */
export class RpcError extends Error {
  constructor(
    /** For programs, such as `NOT_FOUND`. */
    readonly code: string,
    message: string,
    readonly detail: unknown,
  ) {
    super(message);
    this.name = "RpcError";
  }
}

/** A contract refused, with its own error; what it had done is undone. */
export class Reverted<E = unknown> extends Error {
  constructor(readonly error: E, message: string) {
    super(message);
    this.name = "Reverted";
  }
}

/** A transaction was not executed, or failed; what it had done is undone. */
export class Failed extends Error {
  constructor(
    /** For programs, such as `OUT_OF_GAS`. */
    readonly code: string,
    message: string,
    readonly detail: unknown,
  ) {
    super(message);
    this.name = "Failed";
  }
}

/** Whose account signs. A hardware wallet may implement it as well. */
export interface Signer {
  /** The Ed25519 key, 32 bytes. */
  readonly publicKey: Uint8Array;
  sign(message: Uint8Array): Promise<Uint8Array>;
}

export interface QueryOptions {
  /** Whom the contract sees as its caller; nothing proves it. */
  caller?: Address;
  /** A height, a block's hash, or "latest". */
  at?: number | Hash | "latest";
}

export interface SendOptions {
  signer: Signer;
  /** Native units to send along; the method must be payable. */
  value?: bigint;
  /** Gas that it may use. */
  gas?: bigint;
  /** Native units for one unit of gas; the chain's minimum when not told. */
  gasPrice?: bigint;
  /** The nonce lane; lanes let one key send in parallel. */
  lane?: number;
  /** Milliseconds after which it can no longer commit. */
  validMs?: number;
}

/** An event of a transaction, decoded by its contract's description. */
export interface EventView {
  contract: Address;
  name?: string;
  fields?: unknown;
  topics: string[];
  data: string;
}

export interface Receipt {
  transaction: Hash;
  height: number;
  index: number;
  status: "success" | "reverted" | "failed" | "rejected";
  error?: { code: string; message: string; detail?: unknown };
  gasUsed: string;
  fee: string;
  output: string;
  result?: unknown;
  events: EventView[];
}

/** What a call returned, and the receipt of its transaction. */
export interface Sent<T> { result: T; receipt: Receipt }

export type Action =
  | { type: "transfer"; to: Address; amount: bigint }
  | { type: "upload"; code: Uint8Array }
  | { type: "instantiate"; code: Hash; salt: Uint8Array; input: Uint8Array; value: bigint }
  | { type: "call"; contract: Address; input: Uint8Array; value: bigint };

/** Gas that a contract may use when nothing else is said: about ten milliseconds. */
const GAS_DEFAULT = 10_000_000_000n;
/** The same of an upload, which pays for its compiler. */
const UPLOAD_GAS_DEFAULT = 200_000_000_000n;

/** A node. Its answers are believed, except for what a transaction says: that is encoded here. */
export class Client {
  private next = 1;

  constructor(
    /** Such as http://127.0.0.1:4100. */
    readonly url: string,
  ) {}

  /** Calls any method of the interface. */
  async request<T>(method: string, params: Record<string, unknown>): Promise<T> {
    const body = JSON.stringify({ jsonrpc: "2.0", id: this.next++, method, params });
    const headers = { "content-type": "application/json" };
    const response = await fetch(this.url, { method: "POST", headers, body });
    if (!response.ok) {
      throw new RpcError("HTTP", `${this.url} answered ${response.status}`, null);
    }
    const answer = await response.json() as {
      result?: T;
      error?: { message: string; data?: { code: string; detail: unknown } };
    };
    if (answer.error !== undefined) {
      const { message, data } = answer.error;
      throw new RpcError(data?.code ?? "UNKNOWN", message, data?.detail ?? null);
    }
    return answer.result as T;
  }

  /** Signs a transaction, sends it, and waits until a block has it. */
  async send(action: Action, options: SendOptions): Promise<Receipt> {
    const { signer, lane = 0, validMs = 60_000 } = options;
    const chain = await this.request<{
      chainId: string;
      parameters: { blockGas: string; gasPriceMin: string; transactionValidityMs: number };
    }>("chain_info", {});
    const address = addressOf(signer.publicKey);
    const account = await this.request<{ nonce: { sequence: string } }>(
      "account_nextNonce", { address, lane },
    );
    const blockGas = BigInt(chain.parameters.blockGas);
    let gas = options.gas ?? (blockGas < GAS_DEFAULT ? blockGas : GAS_DEFAULT);
    for (;;) {
      const out = new Writer();
      out.number(1n, 1);
      out.text(utf8.encode(chain.chainId));
      out.bytes(signer.publicKey);
      out.number(BigInt(lane), 4);
      out.number(BigInt(account.nonce.sequence), 8);
      const valid = Math.min(validMs, chain.parameters.transactionValidityMs);
      out.number(BigInt(Date.now() + valid), 8);
      out.number(gas, 8);
      out.number(options.gasPrice ?? BigInt(chain.parameters.gasPriceMin), 16);
      writeAction(out, action);
      const unsigned = out.finish();
      const signature = await signer.sign(concat(utf8.encode("quorate:sig:tx::"), unsigned));
      try {
        return await this.submit(concat(unsigned, signature));
      } catch (error) {
        const minimum = minimumGas(error);
        // What a large upload costs is known to the node; it says so.
        if (options.gas !== undefined || minimum === undefined || minimum <= gas) throw error;
        gas = minimum;
      }
    }
  }

  private async submit(signed: Uint8Array): Promise<Receipt> {
    const transaction = toBase64(signed);
    const answer = await this.request<{
      hash: Hash;
      status: "pending" | "committed" | "expired" | "rejected";
      receipt?: Receipt;
      error?: { code: string; message: string; detail?: unknown };
    }>("tx_sendAndWait", { transaction });
    const { hash, status, receipt, error } = answer;
    if (receipt === undefined || status !== "committed") {
      const message = error?.message ?? `the transaction ${hash} is ${status}`;
      throw new Failed(error?.code ?? status.toUpperCase(), message, error?.detail ?? { hash });
    }
    return receipt;
  }

  /** Stores a module; answers with its hash. */
  async upload(code: Uint8Array, options: SendOptions): Promise<Hash> {
    const gas = options.gas ?? UPLOAD_GAS_DEFAULT;
    return succeeded(await this.send({ type: "upload", code }, { ...options, gas })).result as Hash;
  }

  /** Moves native units. */
  async transfer(to: Address, amount: bigint, options: SendOptions): Promise<Receipt> {
    return succeeded(await this.send({ type: "transfer", to, amount }, options));
  }
}

/** What generated clients share. */
export class Contract {
  constructor(
    readonly client: Client,
    readonly address: Address,
    readonly abi: Abi,
  ) {}

  /** Runs a query method. */
  protected async ask(name: string, args: object, options: QueryOptions = {}): Promise<unknown> {
    const method = methodOf(this.abi, name);
    const params = {
      contract: this.address, method: name, arguments: argumentsJson(method, args), ...options,
    };
    try {
      const answer = await this.client.request<{ result: unknown }>("contract_query", params);
      return fromJson(method.returns, answer.result);
    } catch (error) {
      if (error instanceof RpcError && error.code === "CONTRACT_REVERT") {
        const detail = error.detail as { error?: unknown } | null;
        throw new Reverted(errorOf(method, detail?.error), error.message);
      }
      throw error;
    }
  }

  /** Calls a method by a transaction. */
  protected async submit(name: string, args: object, options: SendOptions): Promise<Sent<unknown>> {
    const method = methodOf(this.abi, name);
    const value = options.value ?? 0n;
    const input = encodeCall(method, args);
    const action: Action = { type: "call", contract: this.address, input, value };
    const receipt = succeeded(await this.client.send(action, options), method);
    return { result: fromJson(method.returns, receipt.result), receipt };
  }

  /** This contract's events in a receipt. */
  protected eventsOf(receipt: Receipt): { name: string; fields: unknown }[] {
    return receipt.events.flatMap(({ contract, name, fields }) => {
      const event = this.abi.events.find((event) => event.name === name);
      if (contract !== this.address || event === undefined) return [];
      const object = fields as Record<string, unknown>;
      const named = event.fields.map(({ name, type }) => [name, fromJson(type, object[name])]);
      return [{ name: event.name, fields: Object.fromEntries(named) }];
    });
  }
}

/** Makes a contract of stored code; answers with its address. */
export async function instantiate(
  client: Client,
  abi: Abi,
  code: Hash,
  args: object,
  options: SendOptions & { salt?: Uint8Array },
): Promise<Address> {
  const method = abi.methods.find((method) => method.kind === "init");
  const input = method === undefined ? new Uint8Array() : encodeCall(method, args);
  const salt = options.salt ?? crypto.getRandomValues(new Uint8Array(16));
  const value = options.value ?? 0n;
  const action: Action = { type: "instantiate", code, salt, input, value };
  return succeeded(await client.send(action, options), method).result as Address;
}

/** A signer for the Ed25519 key of a 32-byte seed. */
export async function signerOf(seed: Uint8Array): Promise<Signer> {
  const header = fromHex("0x302e020100300506032b657004220420");
  const algorithm = { name: "Ed25519" };
  const key = await crypto.subtle.importKey(
    "pkcs8", concat(header, seed), algorithm, true, ["sign"],
  );
  // The public key follows from the secret one; WebCrypto tells it in this form only.
  const { x } = await crypto.subtle.exportKey("jwk", key);
  const publicKey = fromBase64((x ?? "").replace(/-/g, "+").replace(/_/g, "/"));
  return {
    publicKey,
    sign: async (message) =>
      new Uint8Array(await crypto.subtle.sign(algorithm, key, concat(message))),
  };
}

/** The account that an Ed25519 key controls. */
export function addressOf(publicKey: Uint8Array): Address {
  return toHex(blake3(concat(utf8.encode("quorate:address:"), new Uint8Array([1]), publicKey)));
}

/** The error of a contract that refused, if `thrown` is one. */
export function reverted<E>(thrown: unknown): E | undefined {
  return thrown instanceof Reverted ? thrown.error as E : undefined;
}

/** A receipt, unless its transaction did not succeed. */
function succeeded(receipt: Receipt, method?: Method): Receipt {
  const { status, error } = receipt;
  if (status === "success") return receipt;
  const message = error?.message ?? `the transaction ${status}`;
  if (status === "reverted") throw new Reverted(errorOf(method, error?.detail), message);
  throw new Failed(error?.code ?? status.toUpperCase(), message, error?.detail ?? null);
}

/** The gas that a refused transaction would have needed at least. */
function minimumGas(error: unknown): bigint | undefined {
  if (!(error instanceof RpcError || error instanceof Failed)) return undefined;
  const detail = error.detail as { minimum?: string; figures?: { minimum?: string } } | null;
  const reason = (error.detail as { reason?: string } | null)?.reason ?? error.code;
  const minimum = detail?.minimum ?? detail?.figures?.minimum;
  return reason === "GAS_LIMIT_TOO_LOW" && minimum !== undefined ? BigInt(minimum) : undefined;
}

function errorOf(method: Method | undefined, detail: unknown): unknown {
  const type = method?.error ?? null;
  return type === null || detail === undefined ? detail : fromJson(type, detail);
}

function methodOf(abi: Abi, name: string): Method {
  const method = abi.methods.find((method) => method.name === name);
  if (method === undefined) throw new Error(`${abi.name} has no method ${name}`);
  return method;
}

function argumentsJson(method: Method, args: object): unknown {
  const given = args as Record<string, unknown>;
  return Object.fromEntries(
    method.parameters.map(({ name, type }) => [name, toJson(type, given[name])]),
  );
}

/** The input of a call: selector and canonical arguments. */
export function encodeCall(method: Method, args: object): Uint8Array {
  const given = args as Record<string, unknown>;
  const out = new Writer();
  out.bytes(fromHex(method.selector));
  for (const { name, type } of method.parameters) write(out, type, given[name], name);
  return out.finish();
}

/** A value in canonical binary. */
export function encode(type: Type, value: unknown): Uint8Array {
  const out = new Writer();
  write(out, type, value, "the value");
  return out.finish();
}

const SMALL = { u8: 1, u16: 2, u32: 4, i8: 1, i16: 2, i32: 4 } as const;
const LARGE = { u64: 8, u128: 16, i64: 8, i128: 16 } as const;

function write(out: Writer, type: Type, value: unknown, place: string): void {
  const refuse = (): never => {
    throw new TypeError(`${place} is no ${typeof type === "string" ? type : Object.keys(type)[0]}`);
  };
  if (typeof type === "string") {
    if (type in SMALL || type in LARGE) {
      const size = { ...SMALL, ...LARGE }[type as keyof typeof SMALL | keyof typeof LARGE];
      const number = typeof value === "bigint" ? value
        : Number.isInteger(value) ? BigInt(value as number) : refuse();
      const isSigned = type.startsWith("i");
      const bits = BigInt(size * 8 - (isSigned ? 1 : 0));
      const [least, most] = [isSigned ? -(1n << bits) : 0n, (1n << bits) - 1n];
      if (number < least || number > most) throw new RangeError(`${place} is beyond ${type}`);
      out.number(BigInt.asUintN(size * 8, number), size);
      return;
    }
    switch (type) {
      case "unit": return;
      case "bool": return out.number(typeof value === "boolean" ? (value ? 1n : 0n) : refuse(), 1);
      case "string": return out.text(utf8.encode(typeof value === "string" ? value : refuse()));
      case "bytes": return out.text(value instanceof Uint8Array ? value : refuse());
      default: return out.bytes(hexOf(value, 32) ?? refuse());
    }
  }
  if ("option" in type) {
    const isSome = value !== null && value !== undefined;
    out.number(isSome ? 1n : 0n, 1);
    if (isSome) write(out, type.option, mayBeNull(type.option) ? only(value) : value, place);
  } else if ("vec" in type) {
    const items = Array.isArray(value) ? value : refuse();
    out.number(BigInt(items.length), 4);
    items.forEach((item, index) => write(out, type.vec, item, `${place}[${index}]`));
  } else if ("array" in type) {
    const { of, length } = type.array;
    if (of === "u8") return out.bytes(hexOf(value, length) ?? refuse());
    const items = Array.isArray(value) && value.length === length ? value : refuse();
    items.forEach((item, index) => write(out, of, item, `${place}[${index}]`));
  } else if ("tuple" in type) {
    const items = Array.isArray(value) && value.length === type.tuple.length ? value : refuse();
    type.tuple.forEach((of, index) => write(out, of, items[index], `${place}[${index}]`));
  } else if ("map" in type) {
    const { key, value: of } = type.map;
    const entries = [...(value instanceof Map ? value : refuse())].sort(([a], [b]) => order(a, b));
    out.number(BigInt(entries.length), 4);
    for (const [name, entry] of entries) {
      write(out, key, name, place);
      write(out, of, entry, `${place}[${String(name)}]`);
    }
  } else if ("struct" in type) {
    writeFields(out, type.struct.fields, value, place, refuse);
  } else {
    const { variants } = type.enum;
    const [name, content] = typeof value === "string" ? [value, null]
      : Object.entries(typeof value === "object" && value !== null ? value : refuse())[0] ?? refuse();
    const tag = variants.findIndex((variant) => variant.name === name);
    out.number(tag < 0 ? refuse() : BigInt(tag), 1);
    writeFields(out, variants[tag]?.fields ?? [], content, `${place}.${name}`, refuse);
  }
}

function writeFields(
  out: Writer, fields: readonly Field[], value: unknown, place: string, refuse: () => never,
): void {
  if (fields.length === 0) return;
  if (arePositional(fields)) {
    const items = fields.length === 1 ? [value] : value;
    if (!Array.isArray(items) || items.length !== fields.length) refuse();
    fields.forEach((field, index) => {
      write(out, field.type, (items as unknown[])[index], `${place}.${index}`);
    });
    return;
  }
  const object = (typeof value === "object" && value !== null ? value : refuse()) as
    Record<string, unknown>;
  for (const { name, type } of fields) write(out, type, object[name], `${place}.${name}`);
}

/** A value as the node's JSON has it. */
export function toJson(type: Type, value: unknown): unknown {
  if (typeof type === "string") {
    if (type in LARGE) return String(value);
    return type === "bytes" ? toBase64(value as Uint8Array) : type === "unit" ? null : value;
  }
  return through(type, value, toJson);
}

/** A value of the node's JSON as TypeScript has it. */
export function fromJson(type: Type, value: unknown): unknown {
  if (typeof type === "string") {
    if (type in LARGE) return BigInt(value as string);
    return type === "bytes" ? fromBase64(value as string) : type === "unit" ? null : value;
  }
  return through(type, value, fromJson);
}

/** Converts the parts of a composed value; its shape is the same on both sides, save for maps. */
function through(
  type: Exclude<Type, string>, value: unknown, convert: (type: Type, value: unknown) => unknown,
): unknown {
  if ("option" in type) {
    if (value === null || value === undefined) return null;
    if (!mayBeNull(type.option)) return convert(type.option, value);
    return [convert(type.option, only(value))];
  }
  if ("vec" in type) return (value as unknown[]).map((item) => convert(type.vec, item));
  if ("array" in type) {
    const { of } = type.array;
    return of === "u8" ? value : (value as unknown[]).map((item) => convert(of, item));
  }
  if ("tuple" in type) {
    return type.tuple.map((of, index) => convert(of, (value as unknown[])[index]));
  }
  if ("map" in type) {
    const { key, value: of } = type.map;
    const entries: [unknown, unknown][] = value instanceof Map ? [...value]
      : Array.isArray(value) ? value as [unknown, unknown][] : Object.entries(value as object);
    const pairs = entries.map(([name, entry]): [unknown, unknown] =>
      [convert(key, name), convert(of, entry)]);
    if (!(value instanceof Map)) return new Map(pairs);
    return key === "string" ? Object.fromEntries(pairs) : pairs;
  }
  if ("struct" in type) return throughFields(type.struct.fields, value, convert);
  if (typeof value === "string") return value;
  const [name, content] = Object.entries(value as object)[0] ?? ["", null];
  const fields = type.enum.variants.find((variant) => variant.name === name)?.fields ?? [];
  return { [name]: throughFields(fields, content, convert) };
}

function throughFields(
  fields: readonly Field[], value: unknown, convert: (type: Type, value: unknown) => unknown,
): unknown {
  const [first] = fields;
  if (first === undefined) return {};
  if (!arePositional(fields)) {
    const object = value as Record<string, unknown>;
    return Object.fromEntries(fields.map(({ name, type }) => [name, convert(type, object[name])]));
  }
  if (fields.length === 1) return convert(first.type, value);
  return fields.map((field, index) => convert(field.type, (value as unknown[])[index]));
}

/** Whether these are the fields of a tuple struct: `0`, `1`, … in order. */
function arePositional(fields: readonly Field[]): boolean {
  return fields.length > 0 && fields.every((field, index) => field.name === String(index));
}

/** Whether a value of the type may be null itself, so that an option of it is in an array. */
function mayBeNull(type: Type): boolean {
  if (typeof type === "string") return type === "unit";
  if ("option" in type) return true;
  if (!("struct" in type)) return false;
  const { fields } = type.struct;
  const [first] = fields;
  return first !== undefined && fields.length === 1 && arePositional(fields) && mayBeNull(first.type);
}

function only(value: unknown): unknown {
  if (!Array.isArray(value) || value.length !== 1) throw new TypeError("expected [value] or null");
  return value[0];
}

/** The order of a map's keys: numbers by value, texts and bytes by their bytes. */
function order(one: unknown, other: unknown): number {
  if (typeof one !== "string" && !(one instanceof Uint8Array)) {
    const [a, b] = [one as bigint, other as bigint];
    return a < b ? -1 : a > b ? 1 : 0;
  }
  const bytes = (key: unknown) => typeof key === "string" ? utf8.encode(key) : key as Uint8Array;
  const [a, b] = [bytes(one), bytes(other)];
  for (let index = 0; index < Math.min(a.length, b.length); index += 1) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

function writeAction(out: Writer, action: Action): void {
  switch (action.type) {
    case "transfer":
      out.number(0n, 1);
      out.bytes(fromHex(action.to));
      return out.number(action.amount, 16);
    case "upload":
      out.number(1n, 1);
      return out.text(action.code);
    case "instantiate":
      out.number(2n, 1);
      out.bytes(fromHex(action.code));
      out.text(action.salt);
      out.text(action.input);
      return out.number(action.value, 16);
    case "call":
      out.number(3n, 1);
      out.bytes(fromHex(action.contract));
      out.text(action.input);
      return out.number(action.value, 16);
  }
}

const utf8 = new TextEncoder();

/** Bytes in the making. */
class Writer {
  private readonly parts: Uint8Array[] = [];

  bytes(bytes: Uint8Array): void {
    this.parts.push(bytes);
  }

  /** An unsigned number, little-endian. */
  number(value: bigint, size: number): void {
    const bytes = new Uint8Array(size);
    for (let index = 0; index < size; index += 1) {
      bytes[index] = Number((value >> BigInt(8 * index)) & 255n);
    }
    this.bytes(bytes);
  }

  /** Bytes with their length before them. */
  text(bytes: Uint8Array): void {
    this.number(BigInt(bytes.length), 4);
    this.bytes(bytes);
  }

  finish(): Uint8Array<ArrayBuffer> {
    return concat(...this.parts);
  }
}

function concat(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let place = 0;
  for (const part of parts) {
    whole.set(part, place);
    place += part.length;
  }
  return whole;
}

function hexOf(value: unknown, length: number): Uint8Array | undefined {
  const isHex = typeof value === "string" && /^0x([0-9a-f]{2})*$/.test(value);
  return isHex && value.length === 2 + 2 * length ? fromHex(value as Hex) : undefined;
}

export function fromHex(text: Hex): Uint8Array<ArrayBuffer> {
  if (!/^0x([0-9a-fA-F]{2})*$/.test(text)) throw new TypeError(`${text} is not 0x and hex digits`);
  const bytes = new Uint8Array(text.length / 2 - 1);
  for (let index = 0; index < bytes.length; index += 1) {
    bytes[index] = parseInt(text.slice(2 + 2 * index, 4 + 2 * index), 16);
  }
  return bytes;
}

export function toHex(bytes: Uint8Array): Hex {
  return `0x${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** BLAKE3 of at most 64 bytes: one compression. */
function blake3(message: Uint8Array): Uint8Array<ArrayBuffer> {
  if (message.length > 64) throw new RangeError("this hashes one block of 64 bytes");
  const iv = [
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
  ];
  const order = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8];
  const block = new DataView(concat(message, new Uint8Array(64 - message.length)).buffer);
  let words = Uint32Array.from({ length: 16 }, (_, index) => block.getUint32(4 * index, true));
  // The chunk's number is 0; its flags say that it begins, ends and is the root.
  const state = Uint32Array.from([...iv, ...iv.slice(0, 4), 0, 0, message.length, 1 | 2 | 8]);
  const at = (words: Uint32Array, index: number) => words[index] ?? 0;
  const mix = (a: number, b: number, c: number, d: number, first: number, second: number) => {
    const rotated = (value: number, bits: number) => (value >>> bits) | (value << (32 - bits));
    for (const [word, one, other] of [[first, 16, 12], [second, 8, 7]] as const) {
      state[a] = at(state, a) + at(state, b) + at(words, word);
      state[d] = rotated(at(state, d) ^ at(state, a), one);
      state[c] = at(state, c) + at(state, d);
      state[b] = rotated(at(state, b) ^ at(state, c), other);
    }
  };
  for (let round = 0; round < 7; round += 1) {
    mix(0, 4, 8, 12, 0, 1);
    mix(1, 5, 9, 13, 2, 3);
    mix(2, 6, 10, 14, 4, 5);
    mix(3, 7, 11, 15, 6, 7);
    mix(0, 5, 10, 15, 8, 9);
    mix(1, 6, 11, 12, 10, 11);
    mix(2, 7, 8, 13, 12, 13);
    mix(3, 4, 9, 14, 14, 15);
    words = Uint32Array.from(order, (from) => at(words, from));
  }
  const hash = new DataView(new ArrayBuffer(32));
  for (let index = 0; index < 8; index += 1) {
    hash.setUint32(4 * index, at(state, index) ^ at(state, index + 8), true);
  }
  return new Uint8Array(hash.buffer);
}
