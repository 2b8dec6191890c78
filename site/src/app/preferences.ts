/**
 * Language and colours: what the reader chose, from the address, from the last visit, or from the system, in this order.
 * The language also stands in the address, so that a link opens in the language it was made in.
 */
import { effect } from "@preact/signals";
import { type Language, bestLanguage, language, languages, t } from "../text/text.ts";
import { type ThemeChoice, systemTheme, theme, themeChoice, themeChoices } from "../view/theme.ts";
import { currentPlace, room, visits, writeQuery } from "./address.ts";

/** Keys of the query that belong to the page, not to a room. */
export const pageKeys = ["lang"] as const;

const names = { language: "twopass.language", theme: "twopass.theme" } as const;

/** A browser may forbid to remember; then it is not remembered. */
function remembered(name: string): string | undefined {
  try {
    return localStorage.getItem(name) ?? undefined;
  } catch {
    return undefined;
  }
}

function remember(name: string, value: string): void {
  try {
    localStorage.setItem(name, value);
  } catch {
    // Nothing is lost but the memory of it.
  }
}

function languageOfAddress(): Language | undefined {
  const named = currentPlace().query.get("lang");
  return languages.find((each) => each === named);
}

export function chooseLanguage(chosen: Language): void {
  language.value = chosen;
  remember(names.language, chosen);
  writeQuery({ lang: chosen });
}

export function chooseTheme(chosen: ThemeChoice): void {
  themeChoice.value = chosen;
  remember(names.theme, chosen);
}

/** Before the first drawing. */
export function startPreferences(): void {
  const last = remembered(names.language);
  language.value = languageOfAddress() ?? languages.find((each) => each === last) ?? bestLanguage(navigator.languages);
  themeChoice.value = themeChoices.find((each) => each === remembered(names.theme)) ?? "system";

  const dark = matchMedia("(prefers-color-scheme: dark)");
  const follow = (): void => {
    systemTheme.value = dark.matches ? "dark" : "light";
  };
  follow();
  dark.addEventListener("change", follow);

  effect(() => {
    if (visits.value > 0) language.value = languageOfAddress() ?? language.peek();
  });
  effect(() => {
    const { documentElement } = document;
    documentElement.lang = language.value === "zh" ? "zh-CN" : "en";
    documentElement.dataset["theme"] = theme.value;
    document.title = t().app.title(t().app.roomNames[room.value]);
  });
}
