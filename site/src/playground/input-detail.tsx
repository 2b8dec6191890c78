/** An input of the example that is followed, and its change. */
import type { JSX } from "preact";
import { t } from "../text/text.ts";
import { ChangeEditor } from "./change-editor.tsx";
import type { ShownMoment } from "./diagram-data.ts";
import type { Room } from "./room.ts";
import { inputsOf } from "./step-reading.ts";

interface InputDetailProps {
  readonly room: Room;
  readonly shown: ShownMoment;
  readonly input: number;
}

export function InputDetail({ room, shown, input }: InputDetailProps): JSX.Element {
  const texts = t().playground.detail;
  const { step, sample } = shown;
  const value = inputsOf(step, sample)?.[input];
  if (value === undefined) return <p class="hint">{texts.tooLarge}</p>;
  return (
    <>
      <p class="hint">{texts.inputHint}</p>
      <ChangeEditor
        room={room}
        label={texts.editInput(room.info.value?.inputs[input] ?? "", sample + 1)}
        value={value}
        min={-1}
        max={1}
        changeTo={(to) => ({ example: { at: sample, input: [input, to] } })}
      />
    </>
  );
}
