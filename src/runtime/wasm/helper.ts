/** The life of a thread that helps with waves; the other end is pool.ts. Floor: runtime. */
import { hostFunctionTable } from "../../base/host-functions.ts";
import { helperFields, moduleFields, poolFields } from "../../codegen/wasm/pool-fields.ts";

/** What a thread is told at its start. */
export interface HelperStart {
  readonly memory: WebAssembly.Memory;
  /** The driver's code. */
  readonly driver: Uint8Array;
  /** Address of the words that threads exchange, and of the line that is this thread's. */
  readonly pool: number;
  readonly line: number;
  readonly workspace: number;
  /** Address of the entry behind which the modules of kernels begin. */
  readonly entry: number;
}

type Serve = (pool: number, line: number, workspace: number, modules: number) => void;

/** Takes chunks until the thread is ended from outside. */
export function help({ memory, driver, pool, line, workspace, entry }: HelperStart): never {
  const table = new WebAssembly.Table({ element: "anyfunc", initial: 64 });
  const imports = { env: { ...hostFunctionTable, memory, table, stalled: () => undefined } };
  const instance = (bytes: Uint8Array): WebAssembly.Instance["exports"] =>
    new WebAssembly.Instance(new WebAssembly.Module(bytes.slice()), imports).exports;
  const serve = instance(driver)["serve"] as unknown as Serve;
  // The memory may have grown since the last time.
  const words = (): Int32Array => new Int32Array(memory.buffer);
  let last = entry;
  let modules = 0;

  const compileNext = (): void => {
    const all = words();
    last = all[(last + moduleFields.next) / 4] as number;
    const bytes = all[(last + moduleFields.bytes) / 4] as number;
    const functions = all[(last + moduleFields.functions) / 4] as number;
    const code = last + moduleFields.places + 4 * functions;
    const kernels = instance(new Uint8Array(memory.buffer, code, bytes));
    for (let i = 0; i < functions; i++) {
      const place = all[(last + moduleFields.places) / 4 + i] as number;
      if (place >= table.length) table.grow(Math.max(place + 1 - table.length, table.length));
      table.set(place, kernels[`k${i}`]);
    }
    modules++;
    Atomics.store(words(), (line + helperFields.modules) / 4, modules);
  };

  for (let isReady = false; ; isReady = true) {
    while (Atomics.load(words(), (pool + poolFields.modules) / 4) !== modules) compileNext();
    if (!isReady) {
      Atomics.store(words(), (line + helperFields.isReady) / 4, 1);
      Atomics.add(words(), (pool + poolFields.ready) / 4, 1);
    }
    try {
      serve(pool, line, workspace, modules);
    } catch (error) {
      Atomics.add(words(), (pool + poolFields.failures) / 4, 1);
      Atomics.store(words(), (line + helperFields.busy) / 4, 0);
      throw error;
    }
  }
}
