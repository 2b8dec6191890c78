/** Buttons for what a lesson trains: play or pause, one step, and from the start. */
import type { ComponentChildren, JSX } from "preact";
import { t } from "../../text/text.ts";
import { Button } from "../../view/button.tsx";

interface PlayBarProps {
  readonly isPlaying: boolean;
  readonly setPlaying: (isPlaying: boolean) => void;
  readonly onStep: () => void;
  readonly onReset: () => void;
  /** Nothing can be played, such as before data is there. */
  readonly isDisabled?: boolean | undefined;
  /** Further controls. */
  readonly children?: ComponentChildren;
}

export function PlayBar({ isPlaying, setPlaying, onStep, onReset, isDisabled, children }: PlayBarProps): JSX.Element {
  const texts = t().lessons;
  return (
    <div class="actions" role="group" aria-label={texts.training}>
      <Button
        kind="main"
        icon={isPlaying ? "pause" : "play"}
        isDisabled={isDisabled}
        onClick={() => setPlaying(!isPlaying)}
      >
        {isPlaying ? texts.pause : texts.train}
      </Button>
      <Button icon="stepForward" isDisabled={isDisabled === true || isPlaying} onClick={onStep}>
        {texts.oneStep}
      </Button>
      <Button
        icon="reset"
        isDisabled={isDisabled}
        onClick={() => {
          setPlaying(false);
          onReset();
        }}
      >
        {texts.fromStart}
      </Button>
      {children}
    </div>
  );
}
