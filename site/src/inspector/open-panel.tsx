/** Files of traces and folders of runs: dropped on the room or picked, and what is wrong with those that are none. */
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { t } from "../text/text.ts";
import { Button } from "../view/button.tsx";
import { chosenFiles } from "./runs/dropped-runs.ts";
import { openAll } from "./runs/runs-store.ts";
import { problems, reading } from "./store.ts";

/** How a trace is made. The names are those of the library, in every language. */
const example = `import { writeFileSync } from "node:fs";
import { trace, traceText } from "twopass/inspect";

const step = await trace(model, loss, [x, y], { optimizer });
writeFileSync("step.json", traceText(step));`;

export function OpenButton({ isMain }: { readonly isMain?: boolean }): JSX.Element {
  const { openFirst, openMore } = t().inspector;
  return (
    <FileButton
      label={openFirst}
      text={isMain === true ? openFirst : openMore}
      kind={isMain === true ? "main" : "plain"}
      rest={{ multiple: true, accept: ".json,application/json" }}
    />
  );
}

export function FolderButton(): JSX.Element {
  const { openFolder } = t().inspector.runs;
  return <FileButton label={openFolder} text={openFolder} kind="plain" rest={{ webkitdirectory: true }} />;
}

interface FileButtonProps {
  readonly label: string;
  readonly text: string;
  readonly kind: "plain" | "main";
  readonly rest: { readonly multiple?: boolean; readonly accept?: string; readonly webkitdirectory?: boolean };
}

function FileButton({ label, text, kind, rest }: FileButtonProps): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <Button kind={kind} onClick={() => input.current?.click()}>
        {text}
      </Button>
      <input
        ref={input}
        type="file"
        hidden
        {...rest}
        aria-label={label}
        onChange={(event) => {
          void openAll(chosenFiles(event.currentTarget.files ?? []));
          // The same file can be opened again.
          event.currentTarget.value = "";
        }}
      />
    </>
  );
}

export function OpenPanel(): JSX.Element {
  const texts = t().inspector;
  return (
    <section class="inspector-open">
      <h2>{texts.title}</h2>
      <p>{texts.about}</p>
      <div class="inspector-drop">
        <p>{texts.drop}</p>
        <OpenButton isMain />
        <p>{texts.runs.about}</p>
        <FolderButton />
      </div>
      <p>{texts.howTo}</p>
      <pre tabIndex={0} aria-label={texts.howTo}>
        <code>{example}</code>
      </pre>
      <p class="inspector-muted">{texts.staysHere}</p>
    </section>
  );
}

export function OpenState(): JSX.Element {
  const texts = t().inspector;
  return (
    <div aria-live="polite">
      {reading.value > 0 ? <p>{texts.reading}</p> : undefined}
      {problems.value.map(({ fileName, message }) => (
        <div key={`${fileName} ${message}`} class="inspector-problem" role="alert">
          <b>{fileName === "" ? texts.workerLost : texts.cannotOpen(fileName)}</b>
          <p>
            <code>{message}</code>
          </p>
          <Button
            onClick={() => {
              problems.value = problems.value.filter((one) => one.message !== message || one.fileName !== fileName);
            }}
          >
            {texts.dismiss}
          </Button>
        </div>
      ))}
    </div>
  );
}
