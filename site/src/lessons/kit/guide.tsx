/** A lesson's page: parts with a text and something to do on one side, what is live on the other. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { t } from "../../text/text.ts";
import { Button } from "../../view/button.tsx";
import { Prose } from "./prose.tsx";

/** What a lesson is given. */
export interface LessonProps {
  /** Which part is read, from 0. */
  readonly part: number;
  readonly onPart: (part: number) => void;
  /** Whether the room is shown: what is not shown does not move. */
  readonly isShown: boolean;
}

export interface GuidePart {
  readonly title: string;
  /** Paragraphs, see `Prose`. */
  readonly text: readonly string[];
  /** Something to do in what is live. It counts as done as soon as `isDone` was true once, at whichever part. */
  readonly task?: string | undefined;
  readonly isDone?: boolean | undefined;
}

/** The part that is shown of so many: an address may name one that is not there. */
export function partOf(wanted: number, count: number): number {
  return Math.min(count - 1, Math.max(0, wanted));
}

interface GuideProps extends LessonProps {
  readonly parts: readonly GuidePart[];
  /** What is live. */
  readonly children: ComponentChildren;
}

export function Guide({ parts, part: wanted, onPart, children }: GuideProps): JSX.Element {
  const texts = t().lessons;
  const at = partOf(wanted, parts.length);
  const part = parts[at] as GuidePart;
  // What was done once stays done while the lesson is open.
  const done = useRef(new Set<number>());
  parts.forEach(({ isDone }, i) => isDone === true && done.current.add(i));
  const heading = useRef<HTMLHeadingElement>(null);
  const shown = useRef(at);
  useEffect(() => {
    // Who went on by a button reads on at the new part's head.
    if (shown.current !== at) heading.current?.focus();
    shown.current = at;
  }, [at]);
  return (
    <div class="guide">
      <section class="panel guide-text" aria-label={texts.part(at + 1, parts.length)}>
        <p class="guide-place">{texts.part(at + 1, parts.length)}</p>
        <h3 ref={heading} tabIndex={-1}>
          {part.title}
        </h3>
        <Prose text={part.text} />
        {part.task === undefined ? undefined : <Task text={part.task} isDone={done.current.has(at)} />}
        <div class="actions">
          <Button icon="left" isDisabled={at === 0} onClick={() => onPart(at - 1)}>
            {texts.previousPart}
          </Button>
          <Button kind="main" icon="right" isDisabled={at === parts.length - 1} onClick={() => onPart(at + 1)}>
            {texts.nextPart}
          </Button>
        </div>
      </section>
      <div class="guide-live">{children}</div>
    </div>
  );
}

function Task({ text, isDone }: { readonly text: string; readonly isDone: boolean }): JSX.Element {
  const texts = t().lessons;
  return (
    <div class={isDone ? "task task-done" : "task"}>
      <p class="task-state" role="status">
        {isDone ? texts.taskDone : texts.task}
      </p>
      <Prose text={[text]} />
    </div>
  );
}
