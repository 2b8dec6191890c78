/** The training of a network that a lab holds: played or step by step, and what came of it. */
import { useRef, useState } from "preact/hooks";
import { reportFailure, usePlay } from "./use-lab.ts";

/** What a lab tells of some steps. */
export interface TrainingProgress {
  /** Made since the start. */
  readonly step: number;
  /** Of each step that was made now. */
  readonly losses: readonly number[];
  readonly isFinite: boolean;
}

/** The losses so far, thinned out where there are many. */
export interface LossPoints {
  readonly steps: readonly number[];
  readonly losses: readonly number[];
}

export interface Training<P> {
  /** Undefined before there is a network. */
  readonly progress: P | undefined;
  readonly points: LossPoints;
  readonly isPlaying: boolean;
  readonly setPlaying: (isPlaying: boolean) => void;
  readonly step: () => void;
  /** Begins anew with what the lab gives, or leaves nothing while there is no network. */
  readonly begin: (start: (() => Promise<P>) | undefined) => void;
}

const none: LossPoints = { steps: [], losses: [] };
const mostPoints = 400;

function thinned({ steps, losses }: LossPoints): LossPoints {
  if (steps.length <= mostPoints) return { steps, losses };
  const kept = (_: number, i: number): boolean => i % 2 === 0;
  return { steps: steps.filter(kept), losses: losses.filter(kept) };
}

/** @param train makes at most so many steps. */
export function useTraining<P extends TrainingProgress>(
  train: (steps: number) => Promise<P>,
  stepsOfFrame: number,
  isShown: boolean,
): Training<P> {
  const [progress, setProgress] = useState<P | undefined>(undefined);
  const [points, setPoints] = useState(none);
  // A reset while a frame is under way: what that frame tells is of the network before.
  const round = useRef(0);
  const advance = async (steps: number): Promise<boolean> => {
    const { current } = round;
    if (progress?.isFinite !== true) return false;
    const made = await train(steps);
    if (current !== round.current) return false;
    setProgress(made);
    setPoints((before) =>
      thinned({ steps: [...before.steps, made.step], losses: [...before.losses, made.losses.at(-1) as number] }),
    );
    return made.isFinite;
  };
  const { isPlaying, setPlaying } = usePlay(() => advance(stepsOfFrame), isShown);
  return {
    progress,
    points,
    isPlaying,
    setPlaying,
    step: () => void advance(1).catch(reportFailure),
    begin: (start) => {
      const current = ++round.current;
      setPlaying(false);
      setProgress(undefined);
      setPoints(none);
      start?.().then((first) => current === round.current && setProgress(first), reportFailure);
    },
  };
}
