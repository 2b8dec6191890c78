/** Room 2: eight short lessons with something live in each. */
import "./lessons.css";
import type { JSX } from "preact";
import { type Codec, urlState } from "../app/url-state.ts";
import { t } from "../text/text.ts";
import { Lazy } from "../view/lazy.tsx";
import { type LessonId, isLessonId, lessonIds } from "./lesson-ids.ts";
import { pages } from "./pages.ts";

/** Which lesson is open, and at which part. */
interface LessonPlace {
  readonly lesson: LessonId;
  readonly part: number;
}

const codec: Codec<LessonPlace> = {
  keys: ["lesson", "part"],
  encode: ({ lesson, part }) => ({
    ...(lesson === lessonIds[0] ? {} : { lesson }),
    ...(part === 0 ? {} : { part: String(part + 1) }),
  }),
  decode: ({ lesson = lessonIds[0], part = "1" }) => {
    if (!isLessonId(lesson) || !/^[1-9]\d?$/.test(part)) throw new Error("no lesson");
    return { lesson, part: Number(part) - 1 };
  },
};

let place: ReturnType<typeof urlState<LessonPlace>> | undefined;

export function Lessons({ isShown }: { readonly isShown: boolean }): JSX.Element {
  place ??= urlState("lessons", codec);
  const { state } = place;
  const texts = t().lessons;
  const { lesson, part } = state.value;
  const at = lessonIds.indexOf(lesson);
  const next = lessonIds[at + 1];
  const open = (id: LessonId): void => {
    state.value = { lesson: id, part: 0 };
  };
  return (
    <div class="lessons">
      <nav class="lesson-list" aria-label={texts.list}>
        <ol>
          {lessonIds.map((id, i) => (
            <li key={id}>
              <button
                type="button"
                class="lesson-link"
                aria-current={id === lesson ? "page" : undefined}
                onClick={() => open(id)}
              >
                <span class="lesson-number">{i + 1}</span>
                {texts.titles[id]}
              </button>
            </li>
          ))}
        </ol>
      </nav>
      <article class="lesson" aria-label={texts.titles[lesson]}>
        <h2>{texts.titles[lesson]}</h2>
        <p class="lesson-question">{texts.questions[lesson]}</p>
        <Lazy
          key={lesson}
          load={pages[lesson]}
          props={{
            part,
            onPart: (to: number) => {
              state.value = { lesson, part: to };
            },
            isShown,
          }}
        />
        {next === undefined ? undefined : (
          <p class="lesson-next">
            <button type="button" class="button" onClick={() => open(next)}>
              {texts.nextLesson(texts.titles[next])}
            </button>
          </p>
        )}
      </article>
    </div>
  );
}
