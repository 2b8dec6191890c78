/**
 * Puts functions together to the bytes of a WebAssembly module. A set of kernels is one module.
 * It only writes bytes: compiling and running them is the run-time's work. Floor: codegen.
 */

import { type Bytes, concatenate, nameBytes, section, unsignedLeb } from "./encode.ts";
import { type Callee, Fn, type HostFunction, type Signature, signatureBytes } from "./function.ts";

export interface ModuleOptions {
  /** The imported memory is shared between threads. Default false. */
  readonly shared?: boolean;
  /** Imports the function table `env.table`, for indirect calls. Default false. */
  readonly table?: boolean;
}

const magicAndVersion = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

/** Pages of 64 KiB in 4 GiB: the widest limit, so that a memory of any size matches the import. */
const mostPages = 65536;

/**
 * Bytes of a module that exports `functions` under their keys. It holds whatever they call, and imports `env.memory`
 * and each called host function as `env.NAME`.
 *
 * A shared memory has to be made with `maximum` set, at most 65536.
 */
export function assembleModule(
  functions: Readonly<Record<string, Fn>>,
  { shared = false, table = false }: ModuleOptions = {},
): Uint8Array<ArrayBuffer> {
  const defined: Fn[] = [];
  const hosts: HostFunction[] = [];
  for (const callee of reachable(Object.values(functions))) {
    if (callee instanceof Fn) defined.push(callee);
    else hosts.push(callee);
  }

  // Imported functions come first in the index space.
  const functionIndices = new Map<Callee, number>([...hosts, ...defined].map((callee, i) => [callee, i]));
  const functionIndex = (callee: Callee): number => functionIndices.get(callee) ?? -1;

  const types: Bytes[] = [];
  const typeIndices = new Map<string, number>();
  const typeIndex = (signature: Signature): number => {
    const bytes = signatureBytes(signature);
    const key = bytes.join();
    const known = typeIndices.get(key);
    if (known !== undefined) return known;
    typeIndices.set(key, types.length);
    return types.push(bytes) - 1;
  };

  const env = nameBytes("env");
  const limits = shared ? [3, 0, ...unsignedLeb(mostPages)] : [0, 0];
  const imports = [[...env, ...nameBytes("memory"), 2, ...limits]];
  if (table) imports.push([...env, ...nameBytes("table"), 1, 0x70, 0, 0]);
  for (const host of hosts) imports.push([...env, ...nameBytes(host.name), 0, ...unsignedLeb(typeIndex(host))]);

  const declarations = defined.map((fn) => unsignedLeb(typeIndex(fn.signature)));
  const exported = Object.entries(functions).map(([name, fn]) => [
    ...nameBytes(name),
    0,
    ...unsignedLeb(functionIndex(fn)),
  ]);
  const code = defined.map((fn) => fn.encode(functionIndex, typeIndex));

  return concatenate([
    magicAndVersion,
    section(1, types),
    section(2, imports),
    section(3, declarations),
    section(7, exported),
    section(10, code),
  ]);
}

/** The roots and all they call, each once, callers before callees. */
function reachable(roots: readonly Fn[]): Callee[] {
  const found = new Set<Callee>(roots);
  for (const callee of found) {
    // A set's iteration also visits what is added on the way.
    if (callee instanceof Fn) for (const next of callee.callees) found.add(next);
  }
  return [...found];
}
