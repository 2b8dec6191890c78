/**
 * State that is kept in the page's address: read from it when it begins and whenever the reader changes the address, and
 * written to it a moment after it has changed. Links to a page show what was set.
 */
import { type Signal, effect, signal } from "@preact/signals";
import { currentPlace, room as currentRoom, visits, writeQuery } from "./address.ts";
import type { Room } from "./rooms.ts";

/** How a state is written as the query's values; each by a key that no other codec uses. */
export interface Codec<T> {
  readonly keys: readonly string[];
  /** What is as it was at first need not be written. */
  readonly encode: (state: T) => Readonly<Record<string, string>>;
  /** Of a key that is missing, what is at first. @throws for what cannot be read. */
  readonly decode: (values: Readonly<Record<string, string>>) => T;
}

/** Milliseconds of quiet before the address is written. */
const delay = 250;

export interface UrlState<T> {
  readonly state: Signal<T>;
  /** Whether the address could not be read, and the state is what it is at first. */
  readonly isUnreadable: Signal<boolean>;
  /** Ends the bond with the address. */
  readonly stop: () => void;
}

export function urlState<T>(room: Room, codec: Codec<T>): UrlState<T> {
  const isUnreadable = signal(false);
  const valuesOf = (query: URLSearchParams): Record<string, string> =>
    Object.fromEntries(codec.keys.flatMap((key) => (query.has(key) ? [[key, query.get(key) ?? ""]] : [])));
  const read = (): T => {
    const place = currentPlace();
    const values = place.room === room ? valuesOf(place.query) : {};
    try {
      const decoded = codec.decode(values);
      isUnreadable.value = false;
      return decoded;
    } catch {
      isUnreadable.value = true;
      return codec.decode({});
    }
  };
  const textOf = (values: Readonly<Record<string, string>>): string =>
    JSON.stringify(codec.keys.map((key) => values[key]));
  const ownText = (): string => textOf(valuesOf(currentPlace().query));

  const state = signal(read());
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stopReading = effect(() => {
    // The first visit is the one that `state` was made from.
    if (visits.value === 0 || currentPlace().room !== room) return;
    const next = read();
    // Our own writing, and the way back to this room, change nothing.
    if (textOf(codec.encode(next)) !== textOf(codec.encode(state.peek()))) state.value = next;
  });
  const stopWriting = effect(() => {
    const values = codec.encode(state.value);
    clearTimeout(timer);
    if (currentRoom.value !== room) return;
    const before = ownText();
    timer = setTimeout(() => {
      // The reader changed the address meanwhile, and that is about to be read.
      if (ownText() !== before) return;
      writeQuery(Object.fromEntries(codec.keys.map((key) => [key, values[key]])));
    }, delay);
  });
  return {
    state,
    isUnreadable,
    stop: () => {
      clearTimeout(timer);
      stopReading();
      stopWriting();
    },
  };
}
