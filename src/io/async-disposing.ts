/** What makes `await using` work, without patching globals where `Symbol.asyncDispose` does not exist. Floor: io. */

/** `{ [Symbol.asyncDispose](): Promise<void> }` in programs whose types know the symbol, else nothing. */
type DisposesLater = SymbolConstructor extends { readonly asyncDispose: infer S extends symbol }
  ? { [K in S]: () => Promise<void> }
  : Record<never, never>;

/** The base of classes with a `close()`: what an `await using` block calls at its end. */
export const AsyncDisposing = class {
  [(Symbol as { readonly asyncDispose?: symbol }).asyncDispose ?? Symbol.for("Symbol.asyncDispose")](): Promise<void> {
    return (this as unknown as { close(): Promise<void> }).close();
  }
} as unknown as new () => DisposesLater;
