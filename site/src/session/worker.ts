/** The worker's entry: a session on WebAssembly. */
import type { FromPage } from "./protocol.ts";
import { serve } from "./serve.ts";

interface Scope {
  onmessage: ((event: { readonly data: FromPage }) => void) | null;
  postMessage(message: unknown): void;
}

const scope = globalThis as unknown as Scope;
const take = serve((message) => scope.postMessage(message), "wasm");
scope.onmessage = ({ data }) => take(data);
