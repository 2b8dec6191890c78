/** The head of the page: its name, the rooms, language, colours, help with keys. */
import type { JSX } from "preact";
import { language, languages, t } from "../text/text.ts";
import { IconButton } from "../view/button.tsx";
import { type ThemeChoice, themeChoice, themeChoices } from "../view/theme.ts";
import { linkTo, room, visits } from "./address.ts";
import { chooseLanguage, chooseTheme, pageKeys } from "./preferences.ts";
import { rooms } from "./rooms.ts";

export function nextTheme(choice: ThemeChoice): ThemeChoice {
  return themeChoices[(themeChoices.indexOf(choice) + 1) % themeChoices.length] as ThemeChoice;
}

export function Header({ onHelp }: { readonly onHelp: () => void }): JSX.Element {
  const texts = t().app;
  const choice = themeChoice.value;
  // Links hold what was set in each room, so they follow the address.
  const links = visits.value >= 0 ? rooms.map((each) => ({ each, href: linkTo(each, pageKeys) })) : [];
  return (
    <header class="page-head">
      <p class="page-name" title={texts.about}>
        {texts.name}
      </p>
      <nav class="room-tabs" aria-label={texts.rooms}>
        {links.map(({ each, href }) => (
          <a key={each} class="room-tab" href={href} aria-current={each === room.value ? "page" : undefined}>
            {texts.roomNames[each]}
          </a>
        ))}
      </nav>
      <div class="page-tools">
        <div class="language-switch" role="group" aria-label={texts.language}>
          {languages.map((each) => (
            <button
              key={each}
              type="button"
              class="button"
              lang={each === "zh" ? "zh-CN" : "en"}
              aria-pressed={language.value === each}
              onClick={() => chooseLanguage(each)}
            >
              {texts.languages[each]}
            </button>
          ))}
        </div>
        <IconButton
          icon={choice}
          label={`${texts.theme}${t().view.colon}${texts.themes[choice]}`}
          onClick={() => chooseTheme(nextTheme(choice))}
        />
        <IconButton icon="help" label={texts.keys} shortcut="?" onClick={onHelp} />
      </div>
    </header>
  );
}
