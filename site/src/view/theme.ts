/** Light or dark. What is remembered and where is not known here: app/preferences.ts. */
import { computed, signal } from "@preact/signals";

export const themeChoices = ["system", "light", "dark"] as const;
export type ThemeChoice = (typeof themeChoices)[number];
export type Theme = "light" | "dark";

export const themeChoice = signal<ThemeChoice>("system");
/** What the system wants; kept up to date by app/preferences.ts. */
export const systemTheme = signal<Theme>("light");

/** The theme that is shown. Drawings on a canvas read it, so that they are drawn again when it changes. */
export const theme = computed<Theme>(() => (themeChoice.value === "system" ? systemTheme.value : themeChoice.value));
