/** The rooms of the page, the first one where the address names none. */
export const rooms = ["playground", "lessons", "inspector"] as const;
export type Room = (typeof rooms)[number];

/** What a room is given. A room that was visited stays, so that a network that has learnt is still there. */
export interface RoomProps {
  readonly isShown: boolean;
}
