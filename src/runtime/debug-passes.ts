/** What a device tells about the passes of a compilation, and the checks behind them (base/debug.ts). Floor: runtime. */
import { debug, debugPrint } from "../base/debug.ts";
import type { Program } from "../ir/program.ts";
import { showGraph } from "../ir/show.ts";
import type { Value } from "../ir/value.ts";
import { verifyGraph, verifyProgram } from "../ir/verify.ts";
import type { KernelPlan } from "../schedule/plan.ts";
import { showArena, showPlan } from "../schedule/show.ts";
import { verifyPlan } from "../schedule/verify.ts";
import type { Plan } from "./device.ts";

/** A graph behind the pass of that name. */
export function debugGraph(pass: string, roots: readonly Value[]): void {
  if (debug.verify) verifyGraph(roots, pass);
  if (debug.level >= 2) debugPrint(`graph, ${pass}`, showGraph(roots));
}

/** The plan of a program, before its kernels are compiled. */
export function debugPlan(program: Program, plan: KernelPlan): void {
  if (debug.verify) {
    verifyProgram(program, "plan");
    verifyPlan(program, plan);
  }
  if (debug.level >= 3) debugPrint("kernels", showPlan(plan));
  if (debug.level >= 4) debugPrint("arena", showArena(plan));
}

/** A plan that is ready; `start` is when its compilation began, `added` how many kernels were not known before. */
export function debugCompiled(plan: Plan, added: number, start: number): void {
  if (debug.level === 0) return;
  const time = (performance.now() - start).toFixed(1);
  debugPrint(`compiled ${kernelsOf(plan)}, ${added} of them new, arena ${plan.arenaBytes} bytes, in ${time} ms`, "");
}

/** A plan that has run since `start`. */
export function debugRun(plan: Plan, start: number): void {
  if (debug.level === 0) return;
  debugPrint(`ran ${kernelsOf(plan)} in ${(performance.now() - start).toFixed(3)} ms`, "");
}

function kernelsOf({ kernels }: Plan): string {
  return `${kernels[0] + kernels[1] + kernels[2]} kernels (${kernels[0]} forward, ${kernels[1]} backward, ${kernels[2]} update)`;
}
