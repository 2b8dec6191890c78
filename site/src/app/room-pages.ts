/** The code of each room, loaded when it is first shown. */
import type { ComponentType } from "preact";
import type { Room, RoomProps } from "./rooms.ts";

export const roomPages: Readonly<Record<Room, () => Promise<ComponentType<RoomProps>>>> = {
  playground: async () => (await import("../playground/playground.tsx")).Playground,
  lessons: async () => (await import("../lessons/lessons.tsx")).Lessons,
  inspector: async () => (await import("../inspector/inspector.tsx")).Inspector,
};
