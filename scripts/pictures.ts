/**
 * `npm run page:pictures`: draws the pictures of the READMEs, docs/pictures/*.png, from the page itself. It needs a
 * Chromium, and for the Chinese ones a font with Chinese characters (Debian's fonts-wqy-microhei).
 */
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { build, preview } from "vite";
import { trace, traceText } from "../src/inspect/index.ts";
import { CrossEntropyLoss } from "../src/nn/index.ts";
import { AdamW } from "../src/optim/index.ts";
import { manualSeed, randint } from "../src/tensor/random.ts";
import { GPT } from "../bench/workloads/gpt.ts";
import { launch } from "../test/browser/launch.ts";

/** Words on what is pressed. */
const words = {
  en: {
    epochs: "10 epochs",
    phase: "Next phase",
    layer: "Next layer",
    next: "Next",
    train: "Train",
    file: "Choose a trace file",
  },
  zh: { epochs: "10 个轮次", phase: "下一阶段", layer: "下一层", next: "下一节", train: "训练", file: "选择跟踪文件" },
} as const;
type Words = (typeof words)[keyof typeof words];

/** By the name of the picture: the address, and what is done there. */
const pictures: Readonly<Record<string, readonly [place: string, act: (page: Page, words: Words) => Promise<void>]>> = {
  playground: ["", halfOfTheBackwardPass],
  lessons: ["#/lessons?lesson=optimizers&part=5", runAll],
  inspector: ["#/inspector", openTrace],
};

async function halfOfTheBackwardPass(page: Page, { epochs, phase, layer }: Words): Promise<void> {
  await press(page, epochs);
  // Ten epochs of four batches.
  await page.getByRole("definition").getByText("40", { exact: true }).waitFor();
  for (const step of [phase, phase, layer, layer, layer]) await press(page, step);
  // A unit whose gradient is known.
  await page
    .getByRole("button", { name: /h₂.*(gradient|梯度) −?[0-9]/ })
    .first()
    .waitFor();
}

async function runAll(page: Page, { train }: Words): Promise<void> {
  await press(page, train);
  await new Promise((resolve) => setTimeout(resolve, 3000));
}

/** A step of a small GPT. */
async function openTrace(page: Page, { file }: Words): Promise<void> {
  manualSeed(1);
  const sizes = { vocabulary: 65, length: 64, width: 128, heads: 4, layers: 4 };
  const model = new GPT(sizes);
  const batch = [randint(0, 65, [2, sizes.length]), randint(0, 65, [2 * sizes.length])] as const;
  const record = await trace(model, new CrossEntropyLoss(), batch, { optimizer: new AdamW(model.parameters()) });
  const buffer = Buffer.from(traceText(record));
  await page.getByLabel(file).setInputFiles({ name: "gpt.json", mimeType: "application/json", buffer });
  await page.getByRole("tree").waitFor();
  await page.getByRole("tree").focus();
  for (let i = 0; i < 5; i++) await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowRight");
}

const press = (page: Page, name: string): Promise<void> => page.getByRole("button", { name }).first().click();

const root = fileURLToPath(new URL("../site", import.meta.url));
const folder = fileURLToPath(new URL("../docs/pictures", import.meta.url));
await build({ root, logLevel: "warn" });
const server = await preview({ root, preview: { host: "127.0.0.1" }, logLevel: "warn" });
const browser = await launch();
mkdirSync(folder, { recursive: true });
for (const language of ["en", "zh"] as const) {
  for (const [name, [place, act]] of Object.entries(pictures)) {
    const viewport = { width: 1280, height: 860 };
    const context = await browser.newContext({ viewport, locale: language, colorScheme: "light" });
    const page = await context.newPage();
    await page.goto(`${server.resolvedUrls?.local[0] ?? ""}${place}`);
    await act(page, words[language]);
    await page.waitForLoadState("networkidle");
    await page.screenshot({ path: `${folder}/${name}-${language}.png` });
    await context.close();
  }
}
await browser.close();
await server.close();
