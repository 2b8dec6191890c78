/** The timeline of a step: forward → loss → backward → update, where one is in it, and the buttons to go on and back. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { t } from "../text/text.ts";
import { Button, IconButton } from "./button.tsx";
import { type Phase, type StepSize, phases } from "./phase.ts";

/** Where one is. */
export interface PhasePlace {
  readonly phase: Phase;
  /** How far in the phase, 0 to 1. */
  readonly share: number;
  /** In words: "layer 2 of 3: tanh"; read aloud when it changes. */
  readonly text: string;
}

export interface PhaseBarProps {
  /** Undefined: in front of the first step. */
  readonly place: PhasePlace | undefined;
  readonly isPlaying: boolean;
  readonly onPlay: () => void;
  readonly onPause: () => void;
  readonly onStep: (size: StepSize) => void;
  /** By the size of the last step. */
  readonly onBack: (size: StepSize) => void;
  readonly canGoBack: boolean;
  /** While the worker is busy, or there is no network. */
  readonly isDisabled?: boolean | undefined;
  /** A phase is clicked: go there. */
  readonly onPhase?: ((phase: Phase) => void) | undefined;
  /** The keys that do the same, as people call them; shown in tooltips. */
  readonly shortcuts?: Partial<Readonly<Record<StepSize | "play" | "back", string>>> | undefined;
}

/** The smallest last: the next thing that one wants is often smaller. */
const sizes = ["phase", "layer", "operation"] as const;
const arrows: Readonly<Record<Phase, string>> = { forward: "→", loss: "●", backward: "←", update: "↻" };

export function PhaseBar(props: PhaseBarProps): JSX.Element {
  const { place, isPlaying, onPlay, onPause, onStep, onBack, canGoBack, isDisabled, onPhase, shortcuts = {} } = props;
  const texts = t().view;
  const [size, setSize] = useState<StepSize>("layer");
  const isOff = isDisabled === true;
  const step = (chosen: StepSize): void => {
    setSize(chosen);
    onStep(chosen);
  };
  const where = place === undefined ? texts.beforeFirst : `${texts.phases[place.phase]}${texts.colon}${place.text}`;
  return (
    <section class="phase-bar" aria-label={texts.timeline}>
      <ol class="phase-track">
        {phases.map((phase) => (
          <PhaseCell
            key={phase}
            phase={phase}
            share={shareOf(phase, place)}
            isHere={place?.phase === phase}
            onPhase={onPhase}
            isDisabled={isOff}
          />
        ))}
      </ol>
      <div class="phase-buttons">
        <IconButton
          icon={isPlaying ? "pause" : "play"}
          label={isPlaying ? texts.pause : texts.play}
          kind="main"
          isDisabled={isOff}
          shortcut={shortcuts.play}
          onClick={isPlaying ? onPause : onPlay}
        />
        <IconButton
          icon="stepBack"
          label={texts.back[size]}
          isDisabled={isOff || !canGoBack || isPlaying}
          shortcut={shortcuts.back}
          onClick={() => onBack(size)}
        />
        {sizes.map((each) => (
          <Button
            key={each}
            icon={each === "phase" ? "phaseForward" : "stepForward"}
            isDisabled={isOff || isPlaying}
            title={texts.step[each]}
            shortcut={shortcuts[each]}
            onClick={() => step(each)}
          >
            <span class="visually-hidden">{texts.step[each]}</span>
            <span aria-hidden="true">{texts.steps[each]}</span>
          </Button>
        ))}
        <p class="phase-where" aria-live={isPlaying ? "off" : "polite"}>
          {where}
        </p>
      </div>
    </section>
  );
}

function shareOf(phase: Phase, place: PhasePlace | undefined): number {
  if (place === undefined) return 0;
  const behind = phases.indexOf(place.phase) - phases.indexOf(phase);
  return behind > 0 ? 1 : behind < 0 ? 0 : Math.min(1, Math.max(0, place.share));
}

interface PhaseCellProps {
  readonly phase: Phase;
  readonly share: number;
  readonly isHere: boolean;
  readonly isDisabled: boolean;
  readonly onPhase: ((phase: Phase) => void) | undefined;
}

function PhaseCell({ phase, share, isHere, isDisabled, onPhase }: PhaseCellProps): JSX.Element {
  const texts = t().view;
  const percent = Math.round(100 * share);
  const content = (
    <>
      <span class="phase-sign" aria-hidden="true">
        {arrows[phase]}
      </span>
      <span class="phase-name">{texts.phases[phase]}</span>
      <span class="visually-hidden">{texts.percent(percent)}</span>
      <span class="phase-fill" style={`width:${percent}%`} aria-hidden="true" />
    </>
  );
  return (
    <li class={`phase-cell phase-${phase}${isHere ? " is-here" : ""}`} aria-current={isHere ? "step" : undefined}>
      {onPhase === undefined ? (
        <span class="phase-content" title={texts.phaseNotes[phase]}>
          {content}
        </span>
      ) : (
        <button
          type="button"
          class="phase-content"
          title={texts.phaseNotes[phase]}
          disabled={isDisabled}
          onClick={() => onPhase(phase)}
        >
          {content}
        </button>
      )}
    </li>
  );
}
