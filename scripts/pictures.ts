/**
 * `npm run page:pictures`: draws the pictures of the READMEs, docs/pictures/*.png, from the page itself. It needs a
 * Chromium, and for the Chinese ones a font with Chinese characters (Debian's fonts-wqy-microhei).
 */
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build, preview } from "vite";
import { launch } from "../test/browser/launch.ts";

/** Words on the buttons that are pressed. */
const words = {
  en: { epochs: "10 epochs", phase: "Next phase", layer: "Next layer" },
  zh: { epochs: "10 个轮次", phase: "下一阶段", layer: "下一层" },
} as const;

const root = fileURLToPath(new URL("../site", import.meta.url));
const folder = fileURLToPath(new URL("../docs/pictures", import.meta.url));

await build({ root, logLevel: "warn" });
const server = await preview({ root, preview: { host: "127.0.0.1" }, logLevel: "warn" });
const browser = await launch();
mkdirSync(folder, { recursive: true });
for (const language of ["en", "zh"] as const) {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 860 },
    locale: language,
    colorScheme: "light",
  });
  const page = await context.newPage();
  await page.goto(server.resolvedUrls?.local[0] ?? "");
  const press = (name: string): Promise<void> => page.getByRole("button", { name }).first().click();
  const { epochs, phase, layer } = words[language];
  await press(epochs);
  // Ten epochs of four batches.
  await page.getByRole("definition").getByText("40", { exact: true }).waitFor();
  // Half of the backward pass.
  for (const step of [phase, phase, layer, layer, layer]) await press(step);
  // A unit whose gradient is known.
  await page
    .getByRole("button", { name: /h₂.*(gradient|梯度) −?[0-9]/ })
    .first()
    .waitFor();
  await page.waitForLoadState("networkidle");
  await page.screenshot({ path: `${folder}/playground-${language}.png` });
  await context.close();
}
await browser.close();
await server.close();
