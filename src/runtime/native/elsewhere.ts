/**
 * What `#native-device` is where the host is not Node; there it is node/machine.ts. Which of them is loaded is told by
 * `imports`, in src/package.json for the sources and in the package's own for dist/. Floor: runtime.
 */
import type { Device } from "../device.ts";

/** The native device, or why this host has none, in one line. */
export function startNativeDevice(_options: { readonly threads?: number }): Device | string {
  return "it is for Node";
}
