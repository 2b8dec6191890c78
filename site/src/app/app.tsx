/** The page: its head, the room that is shown, and what is told when something goes wrong. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { language, t } from "../text/text.ts";
import { IconButton } from "../view/button.tsx";
import { Lazy } from "../view/lazy.tsx";
import { problem } from "../view/problem.ts";
import { type Shortcut, isPageKey, roomShortcuts } from "../view/shortcuts.ts";
import { themeChoice } from "../view/theme.ts";
import { clearQuery, room } from "./address.ts";
import { Details, ErrorBoundary } from "./error-boundary.tsx";
import { Header, nextTheme } from "./header.tsx";
import { KeyHelp } from "./key-help.tsx";
import { chooseLanguage, chooseTheme, pageKeys } from "./preferences.ts";
import { roomPages } from "./room-pages.ts";
import { type Room, rooms } from "./rooms.ts";

const pageShortcuts = (showHelp: () => void): readonly Shortcut[] => [
  { key: "?", label: () => t().app.keyHelp, run: showHelp },
  { key: "g", label: () => t().app.keyLanguage, run: () => chooseLanguage(language.peek() === "en" ? "zh" : "en") },
  { key: "t", label: () => t().app.keyTheme, run: () => chooseTheme(nextTheme(themeChoice.peek())) },
];

export function App(): JSX.Element {
  const [isHelpOpen, setHelpOpen] = useState(false);
  const visited = useRef(new Set<Room>());
  visited.current.add(room.value);
  const everywhere = pageShortcuts(() => setHelpOpen(true));
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      if (!isPageKey(event)) return;
      const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
      const shortcut = [...roomShortcuts.peek(), ...everywhere].find((each) => each.key === key);
      if (shortcut === undefined) return;
      event.preventDefault();
      shortcut.run();
    };
    addEventListener("keydown", onKeyDown);
    return () => removeEventListener("keydown", onKeyDown);
  }, []);
  const texts = t().app;
  return (
    <>
      <a
        class="skip"
        href="#content"
        onClick={(event) => {
          // The part behind "#" is the place in the page's own sense.
          event.preventDefault();
          document.getElementById("content")?.focus();
        }}
      >
        {texts.skip}
      </a>
      <Header onHelp={() => setHelpOpen(true)} />
      <ProblemBanner />
      <main id="content" tabIndex={-1}>
        {rooms
          .filter((each) => visited.current.has(each))
          .map((each) => (
            <div key={each} class="room" hidden={each !== room.value}>
              <h1 class="visually-hidden">{texts.roomNames[each]}</h1>
              <ErrorBoundary name={texts.roomNames[each]} onStartOver={() => clearQuery(pageKeys)}>
                <Lazy load={roomPages[each]} props={{ isShown: each === room.value }} />
              </ErrorBoundary>
            </div>
          ))}
      </main>
      <KeyHelp isOpen={isHelpOpen} onClose={() => setHelpOpen(false)} everywhere={everywhere} />
    </>
  );
}

function ProblemBanner(): JSX.Element | null {
  const shown = problem.value;
  if (shown === undefined) return null;
  const texts = t().app;
  return (
    <div class="banner" role="alert">
      <div>
        <b>{texts.problem}</b> {shown.message}
        <Details text={shown.details} />
      </div>
      <IconButton
        icon="close"
        label={texts.dismiss}
        onClick={() => {
          problem.value = undefined;
        }}
      />
    </div>
  );
}
