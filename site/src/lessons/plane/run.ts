/** What the first two lessons train: parameters, moved by hand or by steps, and the losses on the way. */
import { useRef, useState } from "preact/hooks";
import type { Training } from "./plane-net.ts";

export interface Run {
  readonly parameters: readonly number[];
  /** Since the start, or since the parameters were moved by hand. */
  readonly steps: number;
  /** In front of every `stride`th step. */
  readonly losses: readonly number[];
  readonly stride: number;
  readonly isByHand: boolean;
}

const mostLosses = 400;

export function startRun(parameters: readonly number[], isByHand = false): Run {
  return { parameters, steps: 0, losses: [], stride: 1, isByHand };
}

/** The run after more steps; of many losses each second one is left out, again and again. */
export function continued(run: Run, { parameters, losses: more }: Training): Run {
  const losses = [...run.losses, ...more.filter((_, i) => (run.steps + i) % run.stride === 0)];
  const isLong = losses.length > mostLosses;
  return {
    ...run,
    parameters,
    steps: run.steps + more.length,
    losses: isLong ? losses.filter((_, i) => i % 2 === 0) : losses,
    stride: isLong ? 2 * run.stride : run.stride,
  };
}

export interface LiveRun {
  readonly run: Run;
  readonly set: (run: Run) => void;
  /** Trains a little; false where numbers are no longer finite. What was moved meanwhile stays as it was moved. */
  readonly advance: (train: (parameters: readonly number[]) => Promise<Training>) => Promise<boolean>;
}

export function useRun(start: () => Run): LiveRun {
  const [run, setRun] = useState(start);
  const newest = useRef(run);
  const set = (to: Run): void => {
    newest.current = to;
    setRun(to);
  };
  return {
    run,
    set,
    advance: async (train) => {
      const before = newest.current;
      const told = await train(before.parameters);
      if (newest.current !== before) return true;
      set(continued(before, told));
      return told.isFinite;
    },
  };
}
