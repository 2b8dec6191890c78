/** The optional package koffi, which calls functions of shared libraries: as much of it as is used. Floor: runtime; Node only. */
import { createRequire } from "node:module";
import { ownFile } from "./own-file.ts";

export interface Koffi {
  load(path: string): {
    func(name: string, result: string, parameters: readonly string[]): (...values: (number | string)[]) => unknown;
  };
  address(memory: ArrayBuffer | ArrayBufferView): bigint;
}

/** The package, or one line that says why it is not there. */
export function loadKoffi(): { readonly koffi: Koffi } | { readonly reason: string } {
  try {
    return { koffi: createRequire(ownFile)("koffi") as Koffi };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const isAbsent = code === "MODULE_NOT_FOUND" && message.includes("'koffi'");
    if (isAbsent) return { reason: "the optional package koffi is not installed" };
    return { reason: `the package koffi cannot be loaded: ${message.split("\n", 1)[0]}` };
  }
}
