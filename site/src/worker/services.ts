/** What a worker of the page can be: the name that it is started with says which. */
import type { LessonId } from "../lessons/lesson-ids.ts";

export type ServiceName = "session" | "inspector" | LessonId;

/** Takes the messages of the page. */
export type Service = (message: never) => void;
