/** The example that is followed: what goes in, what comes out, what should come out, its loss. Inputs and target can be changed. */
import type { JSX } from "preact";
import { t } from "../text/text.ts";
import { HeatMap } from "../view/heat-map.tsx";
import { ChangeEditor } from "./change-editor.tsx";
import type { ShownMoment } from "./diagram-data.ts";
import { Fact } from "./fact.tsx";
import { FormulaGroups } from "./formula-view.tsx";
import { exampleFormulas, exampleNumbers } from "./formulas.ts";
import { InputDetail } from "./input-detail.tsx";
import type { Room } from "./room.ts";
import { type LayerReading, elements } from "./step-reading.ts";
import { isKnown } from "./timeline.ts";
import { outputName } from "./unit-names.ts";

const digitSide = 28;
/** More inputs are edited by a click on one of them. */
const mostEdited = 4;

interface ExampleDetailProps {
  readonly room: Room;
  readonly shown: ShownMoment;
}

export function ExampleDetail({ room, shown }: ExampleDetailProps): JSX.Element {
  const texts = t().playground.detail;
  const info = room.info.value;
  const { step, timeline, at, sample } = shown;
  const { inputs, outputs, targets } = exampleNumbers(step, sample);
  const last = step.layers.at(-1) as LayerReading;
  const isThere = isKnown(timeline, at, last.a);
  return (
    <>
      <dl class="facts">
        {inputs === undefined || inputs.length > 16
          ? undefined
          : inputs.map((value, i) => <Fact key={i} name={info?.inputs[i] ?? ""} value={value} />)}
        {targets.map((_, i) => (
          <Fact
            key={i}
            name={texts.output(outputName(info, i))}
            value={isThere ? outputs?.[i] : undefined}
            note={texts.targetIs(String(targets[i] ?? "–"))}
          />
        ))}
      </dl>
      {inputs?.length === digitSide ** 2 ? (
        <HeatMap
          label={texts.picture(sample + 1)}
          values={inputs}
          rows={digitSide}
          columns={digitSide}
          scale="sequential"
          width={140}
          height={140}
        />
      ) : undefined}
      <FormulaGroups groups={exampleFormulas(step, sample)} timeline={timeline} at={at} />
      <TargetEditor room={room} shown={shown} />
      {inputs === undefined || inputs.length > mostEdited ? (
        <p class="hint">{texts.manyInputs}</p>
      ) : (
        inputs.map((_, i) => <InputDetail key={i} room={room} shown={shown} input={i} />)
      )}
    </>
  );
}

/** The target as the data has it: the number of a class, or a number. */
function TargetEditor({ room, shown }: ExampleDetailProps): JSX.Element | null {
  const texts = t().playground.detail;
  const info = room.info.value;
  const { step, sample } = shown;
  const data = elements(step.trace.operations[step.target]?.value);
  if (data === undefined || info === undefined) return null;
  const outputs = info.outputs.length;
  const isOneHot = data.length === step.samples * outputs && outputs > 1;
  const value = isOneHot ? data.slice(sample * outputs, (sample + 1) * outputs).indexOf(1) : data[sample];
  if (value === undefined) return null;
  const isClass = info.task !== "numbers";
  return (
    <ChangeEditor
      room={room}
      label={isClass ? texts.editClass(sample + 1) : texts.editTarget(sample + 1)}
      value={value}
      min={isClass ? 0 : -2}
      max={isClass ? Math.max(1, outputs - 1) : 2}
      isWhole={isClass}
      changeTo={(target) => ({ example: { at: sample, target } })}
    />
  );
}
