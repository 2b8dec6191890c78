/**
 * The part of the WebAssembly interface that twopass uses. TypeScript declares it only in its DOM library, which the
 * core must not see. Both zones include this file. It is not published: exported types must not mention it.
 */
declare namespace WebAssembly {
  type ExportValue = ((...args: number[]) => number | undefined) | Memory | Table;

  class Module {
    constructor(bytes: Uint8Array<ArrayBuffer> | ArrayBuffer);
  }

  class Instance {
    constructor(module: Module, imports?: Record<string, Record<string, unknown>>);
    readonly exports: Readonly<Record<string, ExportValue>>;
  }

  class Memory {
    /** Sizes are in pages of 64 KiB. A shared memory must name its maximum, and its buffer is a SharedArrayBuffer. */
    constructor(descriptor: { initial: number; maximum?: number; shared?: boolean });
    readonly buffer: ArrayBuffer | SharedArrayBuffer;
    /** Returns the size before, in pages. A memory that is not shared gets a new buffer; the old one is detached. */
    grow(pages: number): number;
  }

  class Table {
    constructor(descriptor: { element: "anyfunc" | "externref"; initial: number; maximum?: number });
    readonly length: number;
    get(index: number): unknown;
    set(index: number, value: unknown): void;
    grow(entries: number): number;
  }

  class CompileError extends Error {}
  class LinkError extends Error {}
  class RuntimeError extends Error {}

  function validate(bytes: Uint8Array<ArrayBuffer> | ArrayBuffer): boolean;
}
