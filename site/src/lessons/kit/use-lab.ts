/** What a lesson's page has of its lab: a worker of its own that lives as long as the lesson is open. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { reportProblem } from "../../view/problem.ts";
import { CallClient, EndedError } from "../../worker/calls.ts";
import type { LessonId } from "../lesson-ids.ts";

/** Milliseconds. */
const soon = 5000;

/**
 * The lab of a lesson. Where its worker dies that is told at the top of the page, and the next one starts, unless it died at
 * once: effects that have the lab among what they depend on run again.
 */
export function useLab<C extends object>(lesson: LessonId): CallClient<C> {
  const [count, setCount] = useState(0);
  const lab = useMemo(() => {
    const begun = performance.now();
    return new CallClient<C>(lesson, (reason) => {
      reportProblem(new Error(reason));
      // One that dies soon would die again.
      if (performance.now() - begun > soon) setCount((last) => last + 1);
    });
  }, [lesson, count]);
  useEffect(() => () => lab.end(), [lab]);
  return lab;
}

/** Reports what went wrong, but for calls whose lesson was closed in the meantime. */
export function reportFailure(error: unknown): void {
  if (!(error instanceof EndedError)) reportProblem(error);
}

/**
 * The newest result of a call that depends on what is moved: at most one call is under way, and of the inputs that come
 * meanwhile only the last one is asked for. Undefined until the first result.
 */
export function useNewest<I, R>(input: I, call: (input: I) => Promise<R>, keys: readonly unknown[]): R | undefined {
  const [result, setResult] = useState<R | undefined>(undefined);
  const state = useRef({ isBusy: false, round: 0 });
  const newest = useRef({ input, call });
  newest.current = { input, call };
  useEffect(() => {
    const { current } = state;
    current.round++;
    const ask = async (): Promise<void> => {
      current.isBusy = true;
      for (let round = 0; round !== current.round; ) {
        round = current.round;
        try {
          setResult(await newest.current.call(newest.current.input));
        } catch (error) {
          reportFailure(error);
        }
      }
      current.isBusy = false;
    };
    if (!current.isBusy) void ask();
  }, keys);
  return result;
}

/**
 * Something that goes on, frame by frame, while it is played: `frame` is called again when the last call is done and the
 * screen was drawn, until it gives false.
 */
export function usePlay(
  frame: () => Promise<boolean>,
  isShown: boolean,
): { readonly isPlaying: boolean; readonly setPlaying: (isPlaying: boolean) => void } {
  const [isPlaying, setPlaying] = useState(false);
  const newest = useRef(frame);
  newest.current = frame;
  useEffect(() => {
    if (!isPlaying || !isShown) return undefined;
    let isWanted = true;
    const loop = async (): Promise<void> => {
      while (isWanted) {
        try {
          if (!(await newest.current())) break;
        } catch (error) {
          reportFailure(error);
          break;
        }
        await new Promise((resolve) => requestAnimationFrame(resolve));
      }
      if (isWanted) setPlaying(false);
    };
    void loop();
    return () => {
      isWanted = false;
    };
  }, [isPlaying, isShown]);
  return { isPlaying, setPlaying };
}
