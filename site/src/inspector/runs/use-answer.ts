/** What the worker answers, for a component: one question at a time, and of those that come meanwhile the last. */
import { useEffect, useRef, useState } from "preact/hooks";
import { reportProblem } from "../../view/problem.ts";
import { EndedError } from "../../worker/calls.ts";

/**
 * @param subject what the answer is about: one about something else is not shown.
 * @param keys what it depends on besides: until a newer one is here the last answer stays.
 */
export function useAnswer<T>(subject: string, keys: readonly unknown[], ask: () => Promise<T>): T | undefined {
  const [answer, setAnswer] = useState<{ readonly subject: string; readonly value: T } | undefined>(undefined);
  const live = useRef({ subject, ask, isAsking: false, isAgain: false, isGone: false });
  Object.assign(live.current, { subject, ask });
  useEffect(() => {
    const state = live.current;
    state.isAgain = true;
    if (state.isAsking) return;
    state.isAsking = true;
    const work = async (): Promise<void> => {
      try {
        while (state.isAgain && !state.isGone) {
          state.isAgain = false;
          const about = state.subject;
          const value = await state.ask();
          if (!state.isGone) setAnswer({ subject: about, value });
        }
      } catch (error) {
        if (!(error instanceof EndedError)) reportProblem(error);
      } finally {
        state.isAsking = false;
      }
    };
    void work();
  }, [subject, ...keys]);
  useEffect(() => {
    live.current.isGone = false;
    return () => {
      live.current.isGone = true;
    };
  }, []);
  return answer?.subject === subject ? answer.value : undefined;
}
