/**
 * In place of what checks and prints the compiler's work (runtime/debug-passes.ts, codegen/wasm/show.ts): 9 kB of the page,
 * where nobody can switch it on.
 */
import type * as passes from "../../src/runtime/debug-passes.ts";
import type * as show from "../../src/codegen/wasm/show.ts";

const nothing = (): void => undefined;

export const debugGraph: typeof passes.debugGraph = nothing;
export const debugPlan: typeof passes.debugPlan = nothing;
export const debugCompiled: typeof passes.debugCompiled = nothing;
export const debugRun: typeof passes.debugRun = nothing;
export const showModule: typeof show.showModule = () => "";
