/** What makes `using` work on tensors, without patching globals where `Symbol.dispose` does not exist. Floor: tensor. */

/** `{ [Symbol.dispose](): void }` in programs whose types know the symbol, else nothing. */
type Disposes = SymbolConstructor extends { readonly dispose: infer S extends symbol }
  ? { [K in S]: () => void }
  : Record<never, never>;

/** The base of classes with a `dispose()`: what a `using` block calls at its end. */
export const Disposing = class {
  [(Symbol as { readonly dispose?: symbol }).dispose ?? Symbol.for("Symbol.dispose")](): void {
    (this as unknown as { dispose(): void }).dispose();
  }
} as unknown as new () => Disposes;
