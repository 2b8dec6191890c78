/** What is selected: its value, its gradient, its formulas, and what can be changed about it. */
import type { JSX } from "preact";
import { t } from "../text/text.ts";
import { Button, IconButton } from "../view/button.tsx";
import { subscript } from "../view/number.ts";
import type { ShownMoment } from "./diagram-data.ts";
import { ExampleDetail } from "./example-detail.tsx";
import { Fact } from "./fact.tsx";
import { FormulaGroups } from "./formula-view.tsx";
import { unitFormulas } from "./formulas.ts";
import { InputDetail } from "./input-detail.tsx";
import { MomentDetail } from "./moment-detail.tsx";
import { layerName } from "./moment-text.ts";
import type { Room } from "./room.ts";
import type { Selection } from "./state.ts";
import { type LayerReading, at, gradientOf } from "./step-reading.ts";
import { gradientState, isKnown } from "./timeline.ts";
import { hiddenName, outputName } from "./unit-names.ts";
import { WeightDetail } from "./weight-detail.tsx";

export function DetailPanel({ room }: { readonly room: Room }): JSX.Element {
  const texts = t().playground.detail;
  const selection = room.selection.value;
  const shown = room.shown.value;
  const isExample = selection?.kind === "example";
  return (
    <section class="panel detail" aria-label={texts.label}>
      <div class="panel-head">
        <h2>{selection === undefined ? texts.moment : selectionName(room, selection)}</h2>
        <Button
          isPressed={isExample}
          isDisabled={shown === undefined}
          onClick={() => room.select(isExample ? undefined : { kind: "example" })}
        >
          {texts.exampleButton((shown?.sample ?? 0) + 1)}
        </Button>
        {selection === undefined ? undefined : (
          <IconButton icon="close" label={texts.close} onClick={() => room.select(undefined)} />
        )}
      </div>
      {shown === undefined ? (
        <p class="hint">{room.isRunning.value ? texts.whileRunning : texts.nothing}</p>
      ) : (
        <Detail room={room} shown={shown} selection={selection} />
      )}
    </section>
  );
}

interface DetailProps {
  readonly room: Room;
  readonly shown: ShownMoment;
  readonly selection: Selection | undefined;
}

function Detail({ room, shown, selection }: DetailProps): JSX.Element {
  if (selection === undefined) return <MomentDetail room={room} shown={shown} />;
  if (selection.kind === "example") return <ExampleDetail room={room} shown={shown} />;
  if (selection.layer < 0) {
    return selection.kind === "unit" ? <InputDetail room={room} shown={shown} input={selection.unit} /> : <></>;
  }
  if (selection.kind === "unit") {
    return <UnitDetail room={room} shown={shown} layer={selection.layer} unit={selection.unit} />;
  }
  const { layer, unit } = selection;
  return (
    <WeightDetail
      room={room}
      shown={shown}
      place={selection.kind === "edge" ? { layer, unit, input: selection.input } : { layer, unit }}
    />
  );
}

/** Such as "Weight w₂ from h₂ to h₁ of layer 2". */
function selectionName(room: Room, selection: Selection): string {
  const texts = t().playground.detail;
  const info = room.info.value;
  if (selection.kind === "example") return texts.example;
  const { layer, unit } = selection;
  if (layer < 0) return texts.input(info?.inputs[unit] ?? "");
  const isOutput = layer === (info?.layers.length ?? 0) - 1;
  const own = isOutput ? outputName(info, unit) : hiddenName(unit);
  const where = layerName(layer, info);
  if (selection.kind === "unit") return texts.unit(own, where);
  if (selection.kind === "bias") return texts.bias(own, where);
  const from = layer === 0 ? (info?.inputs[selection.input] ?? "") : hiddenName(selection.input);
  return texts.weight(from, own, where);
}

interface UnitDetailProps {
  readonly room: Room;
  readonly shown: ShownMoment;
  readonly layer: number;
  readonly unit: number;
}

function UnitDetail({ room, shown, layer: l, unit }: UnitDetailProps): JSX.Element {
  const texts = t().playground.detail;
  const layer = shown.step.layers[l] as LayerReading;
  const { timeline, at: place, step, sample } = shown;
  const number = (operation: number | undefined): number | undefined =>
    isKnown(timeline, place, operation) ? at(step, operation, sample, unit, layer.units) : undefined;
  const groups = unitFormulas(step, l, unit, sample);
  const gradient = gradientOf(step, layer.z);
  return (
    <>
      <dl class="facts">
        <Fact name="z" value={number(layer.z)} />
        {layer.a === layer.z ? undefined : <Fact name="a" value={number(layer.a)} />}
        <Fact
          name="∂L/∂z"
          value={number(gradient)}
          note={texts.gradientStates[gradientState(timeline, place, gradient)]}
        />
      </dl>
      {groups.length === 0 ? <p class="hint">{texts.tooLarge}</p> : undefined}
      <FormulaGroups groups={groups} timeline={timeline} at={place} />
      {layer.bias === undefined ? undefined : (
        <p class="actions">
          <Button onClick={() => room.select({ kind: "bias", layer: l, unit })}>{texts.toBias}</Button>
          {Array.from({ length: Math.min(layer.inputs, 8) }, (_, input) => (
            <Button key={input} onClick={() => room.select({ kind: "edge", layer: l, unit, input })}>
              w{subscript(input + 1)}
            </Button>
          ))}
        </p>
      )}
    </>
  );
}
