/**
 * Counts the bytes that a call allocates, garbage included: exactly those of array buffers, whose constructors are
 * replaced, and the growth of the heap, which a collection hides and the compiler adds to. `installCounter` must come
 * before the import of what is measured, as a module may keep a constructor in a table.
 *
 * Not counted: what native code allocates.
 */
import { getHeapStatistics } from "node:v8";

type Construct = new (...parts: unknown[]) => { readonly byteLength: number; readonly buffer?: unknown };

const names = [
  "ArrayBuffer",
  "SharedArrayBuffer",
  "Int8Array",
  "Uint8Array",
  "Uint8ClampedArray",
  "Int16Array",
  "Uint16Array",
  "Int32Array",
  "Uint32Array",
  "Float32Array",
  "Float64Array",
  "BigInt64Array",
  "BigUint64Array",
] as const;

let counted = 0;
let isInstalled = false;

/** Replaces the constructors of this process. A second call does nothing. */
export function installCounter(): void {
  if (isInstalled) return;
  isInstalled = true;
  const isBuffer = (x: unknown): boolean => x instanceof ArrayBuffer || x instanceof SharedArrayBuffer;
  for (const name of names) {
    const original = globalThis[name] as unknown as Construct;
    const counting: Construct = new Proxy(original, {
      construct(target, parts: unknown[], newTarget) {
        // A length that is refused was asked for all the same.
        const [length] = parts;
        if (typeof length === "number" && !(length >= 0 && length < 2 ** 32)) counted += Math.abs(length) || 0;
        const made = Reflect.construct(target, parts, newTarget === counting ? target : newTarget) as {
          readonly byteLength: number;
        };
        if (!isBuffer(parts[0])) counted += made.byteLength;
        return made;
      },
    });
    // slice, map, filter and subarray construct through this property.
    Object.defineProperty(original.prototype, "constructor", { value: counting, configurable: true, writable: true });
    Object.defineProperty(globalThis, name, { value: counting, configurable: true, writable: true });
  }
}

/** Bytes that a call allocated. */
export interface Allocated {
  /** In array buffers. */
  readonly buffers: number;
  /** On the heap: objects, arrays, texts. */
  readonly heap: number;
}

/** Begins a measurement; the function it gives ends it. */
export function startCount(): () => Allocated {
  const before = getHeapStatistics().used_heap_size;
  counted = 0;
  return () => {
    const buffers = counted;
    return { buffers, heap: Math.max(getHeapStatistics().used_heap_size - before, 0) };
  };
}
