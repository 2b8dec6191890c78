/**
 * Keys of the page: the shell listens once, rooms say which keys they have while they are shown. The help lists them all.
 * A key is as `KeyboardEvent.key` has it, without Ctrl, Alt and Meta, and counts only outside of fields where one writes.
 */
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

export interface Shortcut {
  /** " " is the space bar; letters in lower case. */
  readonly key: string;
  /** What it does, in the language of now. */
  readonly label: () => string;
  readonly run: () => void;
}

/** What the room that is shown has. */
export const roomShortcuts = signal<readonly Shortcut[]>([]);

/** The keys of a room, for as long as `isShown`. The newest `run` of each is called. */
export function useShortcuts(shortcuts: readonly Shortcut[], isShown: boolean): void {
  const latest = useRef(shortcuts);
  latest.current = shortcuts;
  const keys = shortcuts.map(({ key }) => key).join(" ");
  useEffect(() => {
    if (!isShown) return undefined;
    const mine = latest.current.map(({ key }, i) => ({
      key,
      label: () => latest.current[i]?.label() ?? "",
      run: () => latest.current[i]?.run(),
    }));
    roomShortcuts.value = mine;
    return () => {
      if (roomShortcuts.peek() === mine) roomShortcuts.value = [];
    };
  }, [isShown, keys]);
}

/** As it is printed on a keyboard. */
export function keyName(key: string): string {
  const names: Readonly<Record<string, string>> = {
    " ": "Space",
    ArrowLeft: "←",
    ArrowRight: "→",
    ArrowUp: "↑",
    ArrowDown: "↓",
  };
  return names[key] ?? (key.length === 1 ? key.toUpperCase() : key);
}

/** Elements that need the key themselves. */
const writing = "input:not([type=checkbox]):not([type=range]), textarea, select, [contenteditable], dialog";
const moving = "[role=application], [role=tablist], input[type=range], summary";
const pressing = "button, a, summary, [role=button], [role=application], input";

/** Whether a key that was pressed on an element is one of the page's. */
export function isPageKey(event: KeyboardEvent): boolean {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return false;
  const { target, key } = event;
  if (!(target instanceof Element)) return true;
  if (target.closest(writing) !== null) return false;
  if ((key === " " || key === "Enter") && target.closest(pressing) !== null) return false;
  return !(/^(Arrow|Home|End|Page)/.test(key) && target.closest(moving) !== null);
}
