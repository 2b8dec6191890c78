/** The step: its timeline, the network with the values and gradients of the moment, and the list of moments. */
import type { JSX } from "preact";
import { t } from "../text/text.ts";
import { IconButton } from "../view/button.tsx";
import { type DiagramSelection, NetworkDiagram } from "../view/network-diagram.tsx";
import { PhaseBar } from "../view/phase-bar.tsx";
import { Slider } from "../view/slider.tsx";
import { diagramLayers, diagramPhase } from "./diagram-data.ts";
import { Disclosure } from "./disclosure.tsx";
import { momentText, placeText } from "./moment-text.ts";
import { setUnits } from "./network-panel.tsx";
import type { Room } from "./room.ts";
import type { Selection } from "./state.ts";
import { isKnown, placeAt } from "./timeline.ts";

export function StepPanel({ room }: { readonly room: Room }): JSX.Element {
  const texts = t().playground.step;
  const step = room.step.value;
  const info = room.info.value;
  const at = room.at.value;
  const place = step === undefined ? undefined : placeAt(step.timeline, at);
  const isRunning = room.isRunning.value;
  return (
    <section class="panel step-panel" aria-label={texts.label}>
      <PhaseBar
        place={
          isRunning
            ? { phase: "update", share: 1, text: texts.running }
            : step === undefined || place === undefined
              ? undefined
              : { phase: place.phase, share: place.share, text: placeText(step, at, info) }
        }
        isPlaying={room.isPlaying.value}
        onPlay={() => void room.play()}
        onPause={() => room.pause()}
        onStep={(size) => void room.forward(size)}
        onBack={(size) => void room.back(size)}
        canGoBack={at > 0 || (step?.before.step ?? 0) > 0}
        isDisabled={info === undefined}
        onPhase={(phase) => room.goToPhase(phase)}
        shortcuts={{ play: "P", back: "←", operation: "O", layer: "→", phase: "F" }}
      />
      <Network room={room} />
      <div class="step-settings">
        <Slider
          label={texts.speed}
          value={room.speed.value}
          min={0.25}
          max={8}
          step={0.25}
          onInput={(speed) => {
            room.speed.value = speed;
          }}
        />
        <ExampleChoice room={room} />
      </div>
      <Moments room={room} />
    </section>
  );
}

function Network({ room }: { readonly room: Room }): JSX.Element {
  const texts = t().playground;
  const info = room.info.value;
  const shown = room.shown.value;
  const maps = room.maps.value;
  if (info === undefined) return <p class="hint">{texts.step.noNetwork}</p>;
  const layers = diagramLayers(info, shown, maps, {
    input: texts.names.input,
    output: texts.names.output,
    hidden: t().view.layer,
    activation: (name) => texts.activations[name as keyof typeof texts.activations],
  });
  const loss =
    shown !== undefined && isKnown(shown.timeline, shown.at, shown.step.trace.loss)
      ? shown.step.trace.lossValue
      : undefined;
  return (
    <NetworkDiagram
      label={texts.step.network}
      layers={layers}
      mapResolution={maps?.resolution}
      loss={{ label: "L", value: loss }}
      selection={diagramSelection(room.selection.value)}
      onSelect={(selection) => room.select(selectionOf(selection, room.selection.value))}
      phase={shown === undefined ? undefined : diagramPhase(shown.timeline, shown.at, info.layers.length)}
      foot={(layer) => <LayerFoot room={room} layer={layer - 1} />}
    />
  );
}

/** Buttons to make a hidden layer wider or narrower. */
function LayerFoot({ room, layer }: { readonly room: Room; readonly layer: number }): JSX.Element | undefined {
  const texts = t().playground.network;
  const { layers } = room.config.value;
  const units = layers[layer]?.units;
  if (units === undefined) return undefined;
  const name = t().view.layer(layer + 1);
  return (
    <span class="layer-foot">
      <IconButton
        icon="minus"
        label={texts.fewerUnits(name)}
        isDisabled={units <= 1}
        onClick={() => setUnits(room, layer, units - 1)}
      />
      <IconButton
        icon="plus"
        label={texts.moreUnits(name)}
        isDisabled={units >= 64}
        onClick={() => setUnits(room, layer, units + 1)}
      />
    </span>
  );
}

/** The diagram counts layers from the input. */
function diagramSelection(selection: Selection | undefined): DiagramSelection | undefined {
  if (selection === undefined || selection.kind === "example") return undefined;
  const { layer, unit } = selection;
  if (selection.kind === "edge") return { kind: "edge", layer: layer + 1, unit, from: selection.input };
  return { kind: selection.kind, layer: layer + 1, unit };
}

/** What is clicked a second time is let go. */
function selectionOf(clicked: DiagramSelection, now: Selection | undefined): Selection | undefined {
  const { layer, unit } = clicked;
  const next: Selection =
    clicked.kind === "edge"
      ? { kind: "edge", layer: layer - 1, unit, input: clicked.from }
      : { kind: clicked.kind, layer: layer - 1, unit };
  return JSON.stringify(next) === JSON.stringify(now) ? undefined : next;
}

/** Which example of the batch is followed. */
function ExampleChoice({ room }: { readonly room: Room }): JSX.Element | null {
  const texts = t().playground.step;
  const shown = room.shown.value;
  if (shown === undefined) return null;
  return (
    <Slider
      label={texts.example(shown.step.samples)}
      value={shown.sample + 1}
      min={1}
      max={shown.step.samples}
      isWhole
      onInput={(number) => {
        room.sample.value = number - 1;
      }}
    />
  );
}

/** All moments of the step, as a way to each of them. */
function Moments({ room }: { readonly room: Room }): JSX.Element | null {
  const texts = t().playground.step;
  const step = room.step.value;
  const info = room.info.value;
  const at = room.at.value;
  if (step === undefined || info === undefined) return null;
  return (
    <Disclosure class="moments" summary={texts.moments(step.timeline.moments.length)}>
      {() => (
        <ol>
          {step.timeline.moments.map((moment, i) => (
            <li key={i} class={`moment moment-${moment.phase}`}>
              <button
                type="button"
                class="moment-button"
                aria-current={i === at - 1 ? "step" : undefined}
                onClick={() => {
                  room.pause();
                  room.at.value = i + 1;
                }}
              >
                {t().view.phases[moment.phase]}: {momentText(step, moment, info)}
              </button>
            </li>
          ))}
        </ol>
      )}
    </Disclosure>
  );
}
