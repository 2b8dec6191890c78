/** What units are called. */
import type { SessionInfo } from "../session/protocol.ts";
import { subscript } from "../view/number.ts";

/** Of an output that stands for a probability the network gives the score y: "p(1)" follows from "y(1)". */
export function outputName(info: Pick<SessionInfo, "outputs"> | undefined, unit: number): string {
  return info?.outputs[unit]?.replace(/^p\((.*)\)$/, "y($1)") ?? `y${subscript(unit + 1)}`;
}

export function hiddenName(unit: number): string {
  return `h${subscript(unit + 1)}`;
}
