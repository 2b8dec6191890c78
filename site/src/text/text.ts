/**
 * The texts of the page in the language that is chosen. `t()` inside of a component or an effect makes it follow the
 * language. Where the choice is remembered is not known here: app/preferences.ts.
 */
import { computed, signal } from "@preact/signals";
import { en } from "./en.ts";
import { zh } from "./zh.ts";

export const languages = ["en", "zh"] as const;
export type Language = (typeof languages)[number];
export type Texts = typeof en;

export const language = signal<Language>("en");

const dictionaries: Readonly<Record<Language, Texts>> = { en, zh };
const texts = computed(() => dictionaries[language.value]);

export function t(): Texts {
  return texts.value;
}

/** The language that fits best to what a reader wants, such as `navigator.languages`, the most wanted first. */
export function bestLanguage(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const found = languages.find((each) => tag.toLowerCase().split("-")[0] === each);
    if (found !== undefined) return found;
  }
  return "en";
}

/** The texts of a part that is loaded when it is shown, in the language that is chosen; as `t()`. */
export function textsOf<T>(dictionaries: Readonly<Record<Language, T>>): () => T {
  return () => dictionaries[language.value];
}
