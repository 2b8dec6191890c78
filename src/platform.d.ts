/**
 * The globals that the core may use, besides ECMAScript's own and WebAssembly: those that Node, browsers, workers, Deno
 * and Bun all have. The core is checked with neither DOM nor Node types, so a name that is missing here is an error.
 * Only the zone "core" includes this file.
 */
declare const console: {
  log(...data: unknown[]): void;
  warn(...data: unknown[]): void;
  error(...data: unknown[]): void;
};

declare const performance: {
  /** Milliseconds since the program started. */
  now(): number;
};

declare class TextEncoder {
  encode(text?: string): Uint8Array<ArrayBuffer>;
}

declare class TextDecoder {
  constructor(label?: "utf-8", options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(bytes?: ArrayBufferView | ArrayBuffer): string;
}

declare class URL {
  constructor(url: string, base?: string | URL);
  readonly href: string;
  readonly pathname: string;
}

interface ImportMeta {
  /** Address of the module itself: a file: URL in Node. */
  readonly url: string;
}

declare function queueMicrotask(callback: () => void): void;

/** The result is opaque: a number in browsers, an object in Node. */
declare function setTimeout(callback: () => void, milliseconds?: number): unknown;
declare function clearTimeout(timer: unknown): void;
declare function structuredClone<T>(value: T): T;
