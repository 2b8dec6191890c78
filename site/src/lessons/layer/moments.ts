/** The moments of a step through a network with one hidden layer, and the way from one to another. */
import type { DiagramPhase } from "../../view/diagram-types.ts";
import type { Phase, StepSize } from "../../view/phase.ts";

interface Moment {
  readonly phase: Phase;
  /** As the diagram counts: 1 is the hidden layer, 2 the output. */
  readonly layer: number;
  /** How much of the phase is done. */
  readonly share: number;
}

export const moments: readonly Moment[] = [
  { phase: "forward", layer: 1, share: 1 / 3 },
  { phase: "forward", layer: 1, share: 2 / 3 },
  { phase: "forward", layer: 2, share: 1 },
  { phase: "loss", layer: 2, share: 1 },
  { phase: "backward", layer: 2, share: 1 / 3 },
  { phase: "backward", layer: 2, share: 2 / 3 },
  { phase: "backward", layer: 1, share: 1 },
  { phase: "update", layer: 1, share: 1 },
];

/** Numbers of moments, by what is known from there on. */
export const known = { sums: 0, hidden: 1, output: 2, loss: 3, outputGradient: 4, shares: 5, weights: 6, update: 7 };

function isOneWith(a: number, b: number, size: StepSize): boolean {
  const [one, other] = [moments[a], moments[b]];
  if (size === "operation" || one === undefined || other === undefined) return false;
  return one.phase === other.phase && (size === "phase" || one.layer === other.layer);
}

/** From a moment, −1 being in front of the first, to the end of the next operation, layer or phase. */
export function after(at: number, size: StepSize): number {
  let to = at + 1;
  while (isOneWith(to, to + 1, size)) to++;
  return to;
}

/** The end of the operation, layer or phase before. */
export function before(at: number, size: StepSize): number {
  let to = at - 1;
  while (to >= 0 && isOneWith(to, at, size)) to--;
  return to;
}

/** What of the diagram is lit. */
export function diagramPhase(at: number): DiagramPhase {
  const { phase, layer } = moments[at] ?? { phase: "forward", layer: -1 };
  if (phase === "forward") return { phase, layer, done: layer === 2 ? [0, 1] : layer === 1 ? [0] : [] };
  if (phase === "loss") return { phase, layer, done: [0, 1, 2] };
  return { phase, layer, done: layer === 1 ? [2] : at >= known.shares ? [1] : [] };
}
