/** What applies to every vertex that is made: phase of the step, gradients on or off, module path. Floor: ir. */

/** The phases of a training step, in the order in which a plan runs them. */
export const phases = ["forward", "backward", "update"] as const;
export type Phase = 0 | 1 | 2;

/** The module path of vertices that only look at a step. Kernels of nothing else are not the step's, and may go untimed. */
export const asidePath = "(looking)";

export interface Mode {
  phase: Phase;
  /** Whether vertices record that a gradient may flow through them. */
  grad: boolean;
  /** Dotted path of the module whose `forward` is running, or "". */
  path: string;
  /** The function of the user's that is building its graph, where errors at run time shall name it; else "". */
  call: string;
  /** Whether each vertex of a forward pass remembers its line: slow, for looking into a fault. */
  lines: boolean;
}

export const mode: Mode = { phase: 0, grad: true, path: "", call: "", lines: false };

/** Runs `body` with some settings changed, and restores them whatever happens. */
export function withMode<T>(change: Partial<Mode>, body: () => T): T {
  const { phase, grad, path, call, lines } = mode;
  mode.phase = change.phase ?? phase;
  mode.grad = change.grad ?? grad;
  mode.path = change.path ?? path;
  mode.call = change.call ?? call;
  mode.lines = change.lines ?? lines;
  try {
    return body();
  } finally {
    mode.phase = phase;
    mode.grad = grad;
    mode.path = path;
    mode.call = call;
    mode.lines = lines;
  }
}
