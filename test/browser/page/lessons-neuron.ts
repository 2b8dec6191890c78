/** The lessons of a neuron and of a layer, part by part: their tasks by clicks and keys, and their numbers computed apart. */
import type { Locator, Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { layerLab } from "../../../site/src/lessons/layer/lab.ts";
import { neuronLab } from "../../../site/src/lessons/neuron/lab.ts";
import type { PointSet } from "../../../site/src/lessons/plane/plane-set.ts";
import { en } from "../../../site/src/text/en.ts";
import { layerEn } from "../../../site/src/text/lessons/layer-en.ts";
import { layerZh } from "../../../site/src/text/lessons/layer-zh.ts";
import { neuronEn } from "../../../site/src/text/lessons/neuron-en.ts";
import { neuronZh } from "../../../site/src/text/lessons/neuron-zh.ts";
import { zh } from "../../../site/src/text/zh.ts";
import { tensor } from "../../../src/index.ts";
import * as nn from "../../../src/nn/index.ts";
import { SGD } from "../../../src/optim/index.ts";
import { violations } from "./access.ts";
import { expectShown, readNumber } from "./numbers.ts";
import { button, facts } from "./playground.ts";
import { type PageSite, patience } from "./site.ts";

const languages = {
  en: { texts: en, neuron: neuronEn, layer: layerEn, run: neuronEn.run, locale: "en" },
  zh: { texts: zh, neuron: neuronZh, layer: layerZh, run: neuronZh.run, locale: "zh-CN" },
} as const;
type Words = (typeof languages)[keyof typeof languages];

const kinds = [
  ["en", "light"],
  ["zh", "dark"],
] as const;

/** A lesson in a tab. */
class Lesson {
  readonly page: Page;
  readonly words: Words;

  constructor(page: Page, words: Words) {
    this.page = page;
    this.words = words;
  }

  async done(): Promise<void> {
    await this.page.getByText(this.words.texts.lessons.taskDone).waitFor();
  }

  /** The field beside a slider. */
  field(label: string): Locator {
    return this.page.getByRole("textbox", { name: this.words.texts.view.number(label), exact: true });
  }

  async set(label: string, value: number): Promise<void> {
    await this.field(label).fill(String(value));
    await this.field(label).press("Enter");
  }

  /** Lines of formulas. */
  lines(label: string): Promise<string[]> {
    return this.page
      .getByRole("group", { name: label, exact: true })
      .first()
      .evaluate((group) => [...group.querySelectorAll(".formula-line")].map(({ textContent }) => textContent ?? ""));
  }

  async fact(name: string): Promise<string> {
    return (await facts(this.page.getByRole("main"))).get(name) ?? "";
  }

  async train(): Promise<void> {
    await button(this.page, this.words.texts.lessons.train).click();
    await this.done();
    await button(this.page, this.words.texts.lessons.pause).click();
  }

  plane(): Locator {
    return this.page.locator(".plane svg");
  }
}

/** Goes to the part with this title, and looks whether everybody can use it. */
async function openPart(lesson: Lesson, title: string): Promise<void> {
  const heading = lesson.page.getByRole("heading", { name: title, exact: true });
  if ((await heading.count()) === 0) await button(lesson.page, lesson.words.texts.lessons.nextPart).click();
  await heading.waitFor();
  await lesson.page.getByText(lesson.words.texts.lessons.task, { exact: true }).waitFor();
  expect(await violations(lesson.page)).toEqual([]);
}

/** What a line of a formula comes to is, after a while, this number. */
async function expectResult(lesson: Lesson, label: string, line: number, value: number): Promise<void> {
  const wanted = Number(value.toPrecision(4));
  const shown = async (): Promise<number> => readNumber((await lesson.lines(label))[line]?.split("=").at(-1) ?? "");
  await expect.poll(shown, { timeout: patience, message: `${label}, line ${line}` }).toBe(wanted + 0);
}

function modelOf(units: number, parameters: readonly number[]): nn.Sequential {
  const layers =
    units === 0 ? [new nn.Linear(2, 1)] : [new nn.Linear(2, units), new nn.Tanh(), new nn.Linear(units, 1)];
  const model = new nn.Sequential(...layers);
  let at = 0;
  for (const parameter of model.parameters()) {
    parameter.load(Float32Array.from(parameters.slice(at, at + parameter.size)));
    at += parameter.size;
  }
  return model;
}

/** Steps of gradient descent on all points, by twopass as everybody uses it: losses in front of them, and what is left. */
function descend(model: nn.Sequential, { inputs, targets }: PointSet, lr: number, steps: number) {
  const count = targets.length;
  const [x, y] = [tensor(inputs, { shape: [count, 2] }), tensor(targets, { shape: [count, 1] })];
  const optimizer = new SGD(model.parameters(), { lr });
  const told = [];
  for (let step = 0; step <= steps; step++) {
    optimizer.zeroGrad();
    const loss = new nn.BCEWithLogitsLoss().forward(model.forward(x), y);
    loss.backward();
    const elements = (list: readonly { dataSync(): ArrayLike<number> }[]): number[] =>
      list.flatMap((one) => Array.from(one.dataSync()));
    told.push({
      loss: loss.itemSync(),
      parameters: elements(model.parameters()),
      gradients: elements(model.parameters().flatMap(({ grad }) => grad ?? [])),
    });
    optimizer.step();
  }
  return told;
}

/** Words of Latin letters that Chinese texts have too, such as tanh. */
const shared = new Set(
  JSON.stringify([zh, neuronZh, layerZh], (_, value: unknown) =>
    typeof value === "function" ? String(value(...new Array<number>(5).fill(1))) : value,
  ).match(/[A-Za-z]{2,}/g),
);

/** What is written in the lesson, or read aloud, in another language than the one that is chosen. */
async function foreignWords(page: Page, language: keyof typeof languages): Promise<string[]> {
  const texts = await page
    .getByRole("article")
    .evaluate((article) => [
      (article as HTMLElement).innerText,
      ...["aria-label", "title", "aria-valuetext"].flatMap((name) =>
        [...article.querySelectorAll(`[${name}]`)].map((element) => element.getAttribute(name) ?? ""),
      ),
    ]);
  const found = texts.join(" ").match(language === "en" ? /[\u4e00-\u9fff]+/g : /[A-Za-z]{2,}/g) ?? [];
  return [...new Set(found)].filter((word) => language === "en" || !shared.has(word));
}

function sigmoid(z: number): number {
  return 1 / (1 + Math.exp(-z));
}

export function neuronLessonTests(site: () => PageSite): void {
  const open = (
    language: keyof typeof languages,
    lesson: string,
    body: (lesson: Lesson) => Promise<void>,
    options: object = {},
  ): Promise<void> => {
    const words = languages[language];
    return site().with({ place: `#/lessons?lesson=${lesson}`, locale: words.locale, ...options }, async (page) => {
      await page.locator(".plane canvas").waitFor();
      await body(new Lesson(page, words));
    });
  };

  describe("lessons of neurons", () => {
    test.each(kinds)("one neuron, in %s and %s", async (language, colorScheme) => {
      await open(language, "neuron", neuronTasks, { colorScheme });
    });

    test.each(kinds)("a layer, in %s and %s", async (language, colorScheme) => {
      await open(language, "layer", layerTasks, { colorScheme });
    });

    test.each(["neuron", "layer"] as const)("%s: at 360 pixels nothing is wider than the page", async (lesson) => {
      for (const language of ["en", "zh"] as const) {
        await open(
          language,
          lesson,
          async ({ page, words }) => {
            for (let part = 1; part <= 5; part++) {
              if (part > 1) await button(page, words.texts.lessons.nextPart).click();
              await page.getByText(words.texts.lessons.part(part, 5)).first().waitFor();
              await page.locator(".plane canvas").waitFor();
              expect(await foreignWords(page, language)).toEqual([]);
              const excess = "document.scrollingElement.scrollWidth - document.documentElement.clientWidth";
              expect(await page.evaluate(excess)).toBe(0);
            }
          },
          { viewport: { width: 360, height: 740 } },
        );
      }
    });

    test("numbers that become infinite are told, and one can begin anew", async () => {
      await open("en", "layer&part=3", async (lesson) => {
        const { page, words } = lesson;
        await page.getByRole("switch", { name: words.layer.isBent }).uncheck({ force: true });
        await lesson.set(words.run.rate, 1e30);
        await button(page, words.texts.lessons.train).click();
        const told = page.getByRole("alert");
        await told.getByText(words.run.notFinite).waitFor();
        expect(await button(page, words.texts.lessons.train).isDisabled()).toBe(true);
        await told.getByRole("button", { name: words.texts.lessons.fromStart }).click();
        await expect.poll(() => told.count()).toBe(0);
        expect(await button(page, words.texts.lessons.train).isEnabled()).toBe(true);
      });
    });

    test("a room that is left does not go on, and the language can be changed while it plays", async () => {
      await open("en", "neuron&part=5", async (lesson) => {
        const { page, words } = lesson;
        const steps = async (): Promise<number> => readNumber(await lesson.fact(words.run.steps));
        await button(page, words.texts.lessons.train).click();
        await expect.poll(steps, { timeout: patience }).toBeGreaterThan(5);
        await button(page, "中文").click();
        await page.getByRole("heading", { name: neuronZh.parts.xor.title }).waitFor();
        await button(page, zh.lessons.pause).waitFor();
        await button(page, "English").click();
        await page.getByRole("link", { name: en.app.roomNames.inspector }).click();
        const left = await page.locator(".plane-facts").innerText();
        await page.waitForTimeout(500);
        const later = await page.locator(".plane-facts").innerText();
        // One call may have been under way.
        const stepOf = (text: string): number => Number(/(\d+)\s*$/.exec(text)?.[1]);
        expect(stepOf(later) - stepOf(left)).toBeLessThanOrEqual(1);
        await page.getByRole("link", { name: en.app.roomNames.lessons }).click();
        await page.locator(".plane-facts").waitFor();
        const before = await steps();
        await expect.poll(steps, { timeout: patience }).toBeGreaterThan(before);
        await button(page, words.texts.lessons.pause).click();
      });
    });
  });
}

async function neuronTasks(lesson: Lesson): Promise<void> {
  const { page, words } = lesson;
  const { neuron, run } = words;
  const { parts } = neuron;
  const start = [-0.5, 1, -0.3] as const;

  await openPart(lesson, parts.sum.title);
  await expectResult(lesson, neuron.sum, 1, start[0] * 0.5 - start[1] * 0.4 + start[2]);
  // The ring is dragged from its place to another one, and then moved by keys.
  const box = await lesson.plane().boundingBox();
  if (box === null) throw new Error("there is no plane");
  const at = (x1: number, x2: number): [number, number] => [
    box.x + (box.width * (1 + x1)) / 2,
    box.y + (box.height * (1 - x2)) / 2,
  ];
  await page.mouse.move(...at(0.5, -0.4));
  await page.mouse.down();
  await page.mouse.move(...at(0.2, 0), { steps: 4 });
  await page.mouse.up();
  await expect.poll(async () => Number(await lesson.field("x₁").inputValue())).toBeCloseTo(0.2, 1);
  expect(Number(await lesson.field("x₂").inputValue())).toBeCloseTo(0, 1);
  await lesson.set("x₁", 0.5);
  const slider = page.getByRole("slider", { name: "x₂", exact: true });
  await slider.focus();
  for (let i = 0; i < 200; i++) {
    if (Number(await lesson.field("x₂").inputValue()) >= 0.55) break;
    await page.keyboard.press("ArrowRight");
  }
  await lesson.done();

  await openPart(lesson, parts.bend.title);
  await lesson.set("b", 2.9);
  const z = -0.25 + 0.55 + 2.9;
  await expectResult(lesson, neuron.bent, 0, sigmoid(z));
  await expectResult(lesson, neuron.bent, 1, sigmoid(z) * (1 - sigmoid(z)));
  await lesson.done();
  const choice = page.getByRole("combobox", { name: neuron.activation });
  await choice.selectOption("tanh");
  await expectResult(lesson, neuron.bent, 0, Math.tanh(z));
  await choice.selectOption("relu");
  await expectResult(lesson, neuron.bent, 0, z);
  await expectResult(lesson, neuron.bent, 1, 1);

  await openPart(lesson, parts.line.title);
  const byHand = [4, -3, -1.5];
  for (const [i, label] of ["w₁", "w₂", "b"].entries()) await lesson.set(label, byHand[i] as number);
  await lesson.done();
  const heaps = neuronLab().points("heaps");
  const right = heaps.targets.filter((y, i) => {
    const [x1, x2] = [heaps.inputs[2 * i] as number, heaps.inputs[2 * i + 1] as number];
    return Number(4 * x1 - 3 * x2 - 1.5 > 0) === y;
  });
  expect(await lesson.fact(run.right)).toBe(`${Number(((100 * right.length) / heaps.targets.length).toFixed(1))}%`);

  await openPart(lesson, parts.train.title);
  await button(page, words.texts.lessons.fromStart).click();
  const told = descend(modelOf(0, start), heaps, 0.2, 4);
  for (const [step, { loss, parameters, gradients }] of told.entries()) {
    await expect.poll(() => lesson.fact(run.steps), { timeout: patience }).toBe(String(step));
    for (const [i, label] of ["w₁", "w₂", "b"].entries()) {
      await expectResult(lesson, neuron.gradient(label), 0, gradients[i] as number);
      if (step < 4) await expectResult(lesson, neuron.update(label), 1, told[step + 1]?.parameters[i] as number);
      expect(Number(await lesson.field(label).inputValue())).toBe(Number(parameters[i]?.toFixed(3)));
    }
    expectShown(await lesson.fact(run.loss), loss, `loss after ${step} steps`);
    if (step < 4) await button(page, words.texts.lessons.oneStep).click();
  }
  await lesson.train();

  await openPart(lesson, parts.xor.title);
  await lesson.train();
  const share = Number((await lesson.fact(run.right)).replace("%", ""));
  expect(Math.abs(share - 50)).toBeLessThan(10);
  expect(Math.abs(readNumber(await lesson.fact(run.loss)) - Math.LN2)).toBeLessThan(0.02);
  // What was done stays done.
  for (const part of [parts.train, parts.line, parts.bend, parts.sum]) {
    await button(page, words.texts.lessons.previousPart).click();
    await page.getByRole("heading", { name: part.title, exact: true }).waitFor();
    await lesson.done();
  }
}

async function layerTasks(lesson: Lesson): Promise<void> {
  const { page, words } = lesson;
  const { layer, run } = words;
  const { parts } = layer;
  const view = words.texts.view;
  const unit = (number: number): Locator =>
    page
      .getByRole("application", { name: layer.network })
      .getByRole("group", { name: view.layerOf(layer.layers.hidden, 3).split(/[,，]/)[0] as string })
      .getByRole("button", { name: new RegExp(`^${view.unit(`h${"₁₂₃₄"[number - 1]}`)}`) });

  await openPart(lesson, parts.lines.title);
  await unit(1).click({ force: true });
  const values = new Set<boolean>();
  const slider = page.getByRole("slider", { name: "x₁", exact: true });
  for (const [key, x2] of [
    ["Home", -1],
    ["End", -1],
    ["Home", 1],
    ["End", 1],
  ] as const) {
    await lesson.set("x₂", x2);
    await slider.focus();
    await page.keyboard.press(key);
    const x1 = key === "Home" ? -1 : 1;
    const [w1 = 0, w2 = 0, , , b = 0] = layerLab().start(2, 1);
    const h = Math.tanh(w1 * x1 + w2 * x2 + b);
    await expectResult(lesson, layer.hidden("h₁"), 1, h);
    values.add(h > 0);
  }
  expect(values.size).toBe(2);
  await lesson.done();

  await openPart(lesson, parts.add.title);
  await lesson.set(layer.units, 4);
  await expect.poll(() => unit(4).count(), { timeout: patience }).toBe(1);
  const xor = layerLab().points("xor");
  const told = descend(modelOf(4, layerLab().start(4, 1)), xor, 1, 3);
  for (const [step, { loss }] of told.entries()) {
    await expect.poll(() => lesson.fact(run.steps), { timeout: patience }).toBe(String(step));
    await expect
      .poll(async () => readNumber(await lesson.fact(run.loss)), { timeout: patience })
      .toBe(Number(loss.toPrecision(4)));
    if (step < 3) await button(page, words.texts.lessons.oneStep).click();
  }
  await lesson.train();
  expect(Number((await lesson.fact(run.right)).replace("%", ""))).toBeGreaterThan(95);

  await openPart(lesson, parts.straight.title);
  await page.getByRole("switch", { name: layer.isBent }).uncheck({ force: true });
  await button(page, words.texts.lessons.fromStart).click();
  await expect.poll(() => lesson.fact(run.steps)).toBe("0");
  const parameters = layerLab().start(4, 1);
  const v = parameters.slice(12, 16);
  const folded = (from: (u: number) => number): number => v.reduce((sum, one, u) => sum + one * from(u), 0);
  const line = [
    folded((u) => parameters[2 * u] as number),
    folded((u) => parameters[2 * u + 1] as number),
    folded((u) => parameters[8 + u] as number),
  ];
  const numbers = async (): Promise<number[]> =>
    ((await lesson.lines(layer.oneLine))[0] ?? "")
      .split("=")[1]
      ?.split(/ · x.| \+ /)
      .map((text) => readNumber(text.replace(/[()]/g, "")))
      .filter((value) => !Number.isNaN(value)) ?? [];
  await expect.poll(numbers, { timeout: patience }).toEqual(line.map((value) => Number(value.toPrecision(4))));
  await lesson.train();
  expect(Number((await lesson.fact(run.right)).replace("%", ""))).toBeLessThan(75);

  await openPart(lesson, parts.circle.title);
  await lesson.set(layer.units, 3);
  await expect.poll(() => unit(4).count()).toBe(0);
  await lesson.train();
  expect(Number((await lesson.fact(run.right)).replace("%", ""))).toBeGreaterThanOrEqual(95);

  await openPart(lesson, parts.back.title);
  await button(page, words.texts.lessons.previousPart).click();
  await button(page, words.texts.lessons.fromStart).click();
  await expect.poll(() => lesson.fact(run.steps)).toBe("0");
  await button(page, words.texts.lessons.nextPart).click();
  await backwardTask(lesson, unit);
}

/** Each moment of a step, with numbers that are computed apart. */
async function backwardTask(lesson: Lesson, unit: (number: number) => Locator): Promise<void> {
  const { page, words } = lesson;
  const { layer } = words;
  const given = layerLab().start(3, 1);
  const { inputs, targets } = layerLab().points("circle");
  await lesson.set("x₁", 0.3);
  await lesson.set("x₂", 0.5);
  const distances = Array.from(targets, (_, i) =>
    Math.hypot((inputs[2 * i] as number) - 0.3, (inputs[2 * i + 1] as number) - 0.5),
  );
  const nearest = distances.indexOf(Math.min(...distances));
  const one = {
    inputs: inputs.slice(2 * nearest, 2 * nearest + 2),
    targets: targets.slice(nearest, nearest + 1),
  };
  const [x1 = 0, x2 = 0] = one.inputs;
  const y = one.targets[0] as number;
  const [now, next] = descend(modelOf(3, given), one, 1, 1);
  const hidden = [0, 1, 2].map((u) =>
    Math.tanh((given[2 * u] as number) * x1 + (given[2 * u + 1] as number) * x2 + (given[6 + u] as number)),
  );
  const z = hidden.reduce((sum, h, u) => sum + h * (given[9 + u] as number), given[12] as number);
  const shares = [0, 1, 2].map((u) => (sigmoid(z) - y) * (given[9 + u] as number));
  const largest = shares.map(Math.abs).indexOf(Math.max(...shares.map(Math.abs)));
  const other = (largest + 1) % 3;
  await page.getByText(layer.target(y)).waitFor();
  await unit(other + 1).click({ force: true });
  const operation = button(page, words.texts.view.step.operation);
  const region = page.getByRole("region", { name: words.texts.view.timeline });
  const back = layer.back(`h${"₁₂₃"[other]}`);
  for (const [moment, name] of layer.moments.entries()) {
    if (moment === 5) expect(await lesson.lines(back)).toEqual(expect.arrayContaining([expect.stringMatching(/–$/)]));
    await operation.click();
    await region.getByText(name).waitFor();
    if (moment === 0) expect((await lesson.lines(layer.hidden(`h${"₁₂₃"[other]}`)))[1]).toMatch(/–$/);
    if (moment === 1) await expectResult(lesson, layer.hidden(`h${"₁₂₃"[other]}`), 1, hidden[other] as number);
    if (moment === 2) await expectResult(lesson, layer.output, 2, sigmoid(z));
    if (moment === 3) await expectResult(lesson, layer.loss, 0, now?.loss as number);
    if (moment === 4) await expectResult(lesson, back, 0, sigmoid(z) - y);
    if (moment === 5) {
      await expectResult(lesson, back, 1, shares[other] as number);
      expect(await page.getByText(words.texts.lessons.task, { exact: true }).count()).toBe(1);
    }
    if (moment === 6) {
      await expectResult(lesson, back, 2, (shares[other] as number) * (1 - (hidden[other] as number) ** 2));
      await expectResult(lesson, back, 3, now?.gradients[2 * other] as number);
    }
    if (moment === 7) await expectResult(lesson, layer.update, 0, next?.parameters[2 * other] as number);
  }
  await button(page, words.texts.view.back.operation).click();
  await region.getByText(layer.moments[6] as string).waitFor();
  await unit(largest + 1).click({ force: true });
  await lesson.done();
  expect(await violations(page)).toEqual([]);
  // The next step begins with what this one left.
  await operation.click();
  await operation.click();
  await region.getByText(layer.moments[0] as string).waitFor();
  const [, , after] = descend(modelOf(3, given), one, 1, 2);
  await button(page, words.texts.view.step.phase).click();
  await button(page, words.texts.view.step.phase).click();
  const [, second] = descend(modelOf(3, given), one, 1, 1);
  await expectResult(lesson, layer.loss, 0, second?.loss as number);
  expect(after?.loss).toBeLessThan(second?.loss as number);
}
