/** Both languages say everything: no text is missing, empty, or left in English. */
import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { lessonIds } from "../../site/src/lessons/lesson-ids.ts";
import { en } from "../../site/src/text/en.ts";
import { zh } from "../../site/src/text/zh.ts";

/** Names of functions, methods, programs and units, which are the same in both. */
const shared = [
  "twopass English RMSProp Adam AdamW Lion Adagrad Nesterov SGD XOR ReLU GELU SiLU Huber MSE MAE tanh ln sigmoid softplus",
  "softmax logits log exp sin GiB MiB KiB ms VS Code Cursor Zed JetBrains",
].flatMap((names) => names.split(" "));
/** Where nothing is said on purpose. */
const silent = ".detail.gradientStates.known";
const chinese = /[\u4e00-\u9fff]/;

function isShared(text: string): boolean {
  return (text.match(/[a-z]{2,}/gi) ?? []).every((word) => shared.includes(word));
}

/** Every text by its path; of functions what they give for arguments that are not words. */
function textsOf(part: unknown, path = ""): [path: string, text: string][] {
  if (typeof part === "string") return [[path, part]];
  if (typeof part === "function") return [[path, String(part(...new Array<string>(part.length).fill("7")))]];
  if (typeof part !== "object" || part === null) return [];
  return Object.entries(part).flatMap(([key, value]) => textsOf(value, `${path}.${key}`));
}

function wrongIn(english: unknown, other: unknown): (readonly [path: string, text: string])[] {
  const [inEnglish, inChinese] = [textsOf(english), textsOf(other)];
  expect(inChinese.map(([path]) => path)).toEqual(inEnglish.map(([path]) => path));
  expect(inEnglish.length).toBeGreaterThan(9);
  return [
    ...[...inEnglish, ...inChinese].filter(([path, text]) => text.trim() === "" && path !== silent),
    ...inEnglish.filter(([path, text]) => chinese.test(text) && path !== ".languages.zh"),
    ...inChinese.filter(([, text]) => !chinese.test(text) && !isShared(text)),
  ];
}

test.each(["app", "view", "playground", "lessons", "inspector"] as const)(
  "%s: the same texts in both languages",
  (room) => {
    expect(wrongIn(en[room], zh[room])).toEqual([]);
  },
);

const folder = new URL("../../site/src/text/lessons/", import.meta.url);
const fileOf = (id: string): string => id.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

test("each lesson has its texts, and there are no others", () => {
  const files = lessonIds.flatMap((id) => [`${fileOf(id)}-en.ts`, `${fileOf(id)}-zh.ts`]);
  expect(readdirSync(folder).sort()).toEqual(files.sort());
});

test.each(lessonIds)("lesson %s: the same texts in both languages", async (id) => {
  const load = async (language: string): Promise<unknown> => {
    const found = (await import(new URL(`${fileOf(id)}-${language}.ts`, folder).href)) as Record<string, unknown>;
    return Object.values(found)[0];
  };
  expect(wrongIn(await load("en"), await load("zh"))).toEqual([]);
});
