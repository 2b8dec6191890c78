/** The part of the page's address behind "#": `#/room?key=value`. Nothing of it goes to a server. */
import { signal } from "@preact/signals";
import { type Room, rooms } from "./rooms.ts";

export interface Place {
  readonly room: Room;
  readonly query: URLSearchParams;
}

/** Anything that is no room is the first one. */
export function placeOf(hash: string): Place {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  return { room: rooms.find((room) => room === path) ?? rooms[0], query: new URLSearchParams(query) };
}

export function hashOf({ room, query }: Place): string {
  const text = query.toString();
  return `#/${room}${text === "" ? "" : `?${text}`}`;
}

/** The room that is shown. */
export const room = signal<Room>(placeOf(location.hash).room);
/** Counts how often the address was changed by the reader: a link, the back button, by hand. */
export const visits = signal(0);

/** Queries of rooms that are not shown, so that a way back leads to where one was. */
const left = new Map<Room, string>();

export function currentPlace(): Place {
  return placeOf(location.hash);
}

/** The address of a room as it was left. Keys that belong to the page go along. */
export function linkTo(to: Room, pageKeys: readonly string[]): string {
  const here = currentPlace();
  if (here.room === to) return location.hash;
  const query = new URLSearchParams(left.get(to));
  for (const key of pageKeys) {
    const value = here.query.get(key);
    if (value === null) query.delete(key);
    else query.set(key, value);
  }
  return hashOf({ room: to, query });
}

/** Sets keys of the query, or with undefined takes them away; the others stay. Makes no entry in the history. */
export function writeQuery(changes: Readonly<Record<string, string | undefined>>): void {
  const place = currentPlace();
  for (const [key, value] of Object.entries(changes)) {
    if (value === undefined) place.query.delete(key);
    else place.query.set(key, value);
  }
  const hash = hashOf(place);
  left.set(place.room, place.query.toString());
  if (hash !== location.hash) history.replaceState(history.state, "", hash);
}

/** Takes all out of the query but some keys, and tells those who follow the address. */
export function clearQuery(kept: readonly string[]): void {
  const gone = [...currentPlace().query.keys()].filter((key) => !kept.includes(key));
  writeQuery(Object.fromEntries(gone.map((key) => [key, undefined])));
  visits.value++;
}

/** Follows the address. */
export function startAddress(): void {
  const read = (): void => {
    const place = currentPlace();
    left.set(place.room, place.query.toString());
    room.value = place.room;
    visits.value++;
  };
  read();
  addEventListener("hashchange", read);
}
