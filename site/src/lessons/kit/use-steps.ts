/** Playing in lessons that compute all steps at once and show some of them. */
import { useRef } from "preact/hooks";
import { usePlay } from "./use-lab.ts";

export interface ShownSteps {
  readonly isPlaying: boolean;
  readonly setPlaying: (isPlaying: boolean) => void;
  readonly onStep: () => void;
  readonly onReset: () => void;
}

/** Milliseconds before the next step: the first ones can be followed one by one. */
function pauseAfter(count: number): number {
  return count < 12 ? 220 : count < 40 ? 90 : 30;
}

/** Plays from `count` to `last`, and again from the start where it stands at the end. */
export function useSteps(count: number, last: number, setCount: (count: number) => void, isShown: boolean): ShownSteps {
  const newest = useRef({ count, last });
  newest.current = { count, last };
  const goTo = (to: number): void => {
    newest.current = { ...newest.current, count: to };
    setCount(to);
  };
  const play = usePlay(async () => {
    const { current } = newest;
    if (current.count >= current.last) return false;
    goTo(current.count + 1);
    await new Promise((resolve) => setTimeout(resolve, pauseAfter(current.count)));
    return true;
  }, isShown);
  return {
    isPlaying: play.isPlaying,
    setPlaying: (isPlaying) => {
      if (isPlaying && newest.current.count >= newest.current.last) goTo(0);
      play.setPlaying(isPlaying);
    },
    onStep: () => {
      if (newest.current.count < newest.current.last) goTo(newest.current.count + 1);
    },
    onReset: () => goTo(0),
  };
}
