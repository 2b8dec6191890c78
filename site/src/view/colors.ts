/**
 * The colours of drawings. The page's own are custom properties of style/page.css; what a canvas needs as numbers is here.
 * Blue, orange and green say which pass is meant, so signs have other colours: ochre below 0, violet above. The two differ
 * for every common kind of colour blindness, and in what is drawn a negative edge is also dashed.
 */
import type { Phase } from "./phase.ts";
import type { Theme } from "./theme.ts";

export type Rgb = readonly [red: number, green: number, blue: number];

/** From the most negative to the most positive, at equal distances. */
const diverging: Readonly<Record<Theme, readonly Rgb[]>> = {
  light: [
    [133, 84, 0],
    [217, 163, 68],
    [247, 246, 243],
    [163, 146, 216],
    [78, 49, 150],
  ],
  dark: [
    [240, 184, 72],
    [148, 104, 26],
    [34, 36, 42],
    [98, 78, 178],
    [184, 168, 255],
  ],
};

/** From 0 to the largest, for what has no sign. */
const sequential: Readonly<Record<Theme, readonly Rgb[]>> = {
  light: [
    [247, 246, 243],
    [120, 120, 124],
    [24, 25, 28],
  ],
  dark: [
    [34, 36, 42],
    [140, 141, 146],
    [244, 244, 246],
  ],
};

function mix(stops: readonly Rgb[], share: number): Rgb {
  const place = Math.min(1, Math.max(0, share)) * (stops.length - 1);
  const below = Math.min(stops.length - 2, Math.floor(place));
  const [from, to] = [stops[below] as Rgb, stops[below + 1] as Rgb];
  const part = place - below;
  const between = (at: 0 | 1 | 2): number => Math.round(from[at] + (to[at] - from[at]) * part);
  return [between(0), between(1), between(2)];
}

/** −1 to 1, 0 in the middle. */
export function divergingColor(share: number, theme: Theme): Rgb {
  return mix(diverging[theme], (share + 1) / 2);
}

/** 0 to 1. */
export function sequentialColor(share: number, theme: Theme): Rgb {
  return mix(sequential[theme], share);
}

/** As CSS has it. */
export function css([red, green, blue]: Rgb): string {
  return `rgb(${red} ${green} ${blue})`;
}

/** Black or white: what can be read on a colour. */
export function inkOn([red, green, blue]: Rgb): "#000" | "#fff" {
  const linear = (part: number): number => (part / 255) ** 2.2;
  const luminance = 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
  return luminance > 0.18 ? "#000" : "#fff";
}

/** The colour of a line or number by its sign; the place of 0 has no colour. */
export function signColor(value: number): string {
  return value < 0 ? "var(--negative)" : value > 0 ? "var(--positive)" : "var(--faint)";
}

export function phaseColor(phase: Phase): string {
  return `var(--${phase})`;
}

/** Colours of classes and of curves that mean no phase: those of Okabe and Ito, which differ for everyone. */
const kinds: Readonly<Record<Theme, readonly string[]>> = {
  light: ["#9a6200", "#4e3196", "#00785a", "#b5446e", "#3a7ca5", "#6b6b00", "#7a4f36", "#555555", "#a03c00", "#1b5e7a"],
  dark: ["#f0b848", "#b8a8ff", "#4fd0a8", "#f08cb4", "#7fc4ea", "#d6d65c", "#c99f83", "#bdbdbd", "#ff9a66", "#66b8d9"],
};

export function kindColor(kind: number, theme: Theme): string {
  const colors = kinds[theme];
  return colors[((kind % colors.length) + colors.length) % colors.length] as string;
}

/** Marks that go with the colours of classes, so that a class is seen without colour. */
export const kindMarks = [
  "circle",
  "square",
  "triangle",
  "diamond",
  "cross",
  "plus",
  "star",
  "down",
  "ring",
  "bar",
] as const;
export type KindMark = (typeof kindMarks)[number];

export function kindMark(kind: number): KindMark {
  return kindMarks[((kind % kindMarks.length) + kindMarks.length) % kindMarks.length] as KindMark;
}
