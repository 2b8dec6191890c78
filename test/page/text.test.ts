/** Both languages say everything: no text is missing, empty, or left in English. */
import { expect, test } from "vitest";
import { en } from "../../site/src/text/en.ts";
import { zh } from "../../site/src/text/zh.ts";

/** Names, signs and terms that are the same in both. */
const shared = /^[^A-Za-z]*$|^(twopass|English|7 · twopass)$/;
const chinese = /[\u4e00-\u9fff]/;

/** Every text by its path; of functions what they give for arguments that are not words. */
function textsOf(part: unknown, path = ""): [path: string, text: string][] {
  if (typeof part === "string") return [[path, part]];
  if (typeof part === "function") return [[path, String(part(...new Array<string>(part.length).fill("7")))]];
  if (typeof part !== "object" || part === null) return [];
  return Object.entries(part).flatMap(([key, value]) => textsOf(value, `${path}.${key}`));
}

for (const room of ["app", "view"] as const) {
  test(`${room}: the same texts in both languages, none empty`, () => {
    const [english, other] = [textsOf(en[room]), textsOf(zh[room])];
    expect(other.map(([path]) => path)).toEqual(english.map(([path]) => path));
    expect(english.length).toBeGreaterThan(20);
    const wrong = [
      ...english.filter(([path, text]) => text.trim() === "" || (chinese.test(text) && path !== ".languages.zh")),
      ...other.filter(([, text]) => text.trim() === "" || !(chinese.test(text) || shared.test(text))),
    ];
    expect(wrong).toEqual([]);
  });
}
