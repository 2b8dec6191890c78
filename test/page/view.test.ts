/** What the page's drawings compute: numbers for people, places of units, what is under the pointer, ways of the keyboard. */
import { describe, expect, test } from "vitest";
import { divergingColor, inkOn } from "../../site/src/view/colors.ts";
import { movedBy } from "../../site/src/view/diagram-keys.ts";
import {
  biasPlace,
  hitAt,
  layoutOf,
  lineBetween,
  mostLayers,
  mostUnits,
  windowStart,
} from "../../site/src/view/diagram-layout.ts";
import type { DiagramLayer } from "../../site/src/view/diagram-types.ts";
import { exactNumber, formatCount, formatNumber, formatShare, subscript } from "../../site/src/view/number.ts";

describe("numbers", () => {
  test.each([
    [0, "0"],
    [-0, "0"],
    [1, "1"],
    [0.123456, "0.1235"],
    [-1234.5678, "−1235"],
    [99999.5, "100000"],
    [999999.9, "1×10⁶"],
    [0.00012344, "0.0001234"],
    [0.000099999, "0.0001"],
    [0.0000123, "1.23×10⁻⁵"],
    [-1.5e-12, "−1.5×10⁻¹²"],
    [6.02214076e23, "6.022×10²³"],
    [Number.NaN, "NaN"],
    [Infinity, "∞"],
    [-Infinity, "−∞"],
    [undefined, "–"],
  ])("%s is %s", (value, text) => expect(formatNumber(value)).toBe(text));

  test("other forms", () => {
    expect(formatNumber(0.123456, 2)).toBe("0.12");
    expect(exactNumber(-0.1)).toBe("−0.1");
    expect(formatShare(0.8734)).toBe("87.3%");
    expect(formatShare(1)).toBe("100%");
    expect(formatCount(1234567)).toBe("1\u202f234\u202f567");
    expect(subscript(12)).toBe("₁₂");
  });
});

test("colours: 0 in the middle, ends that differ, ink that can be read", () => {
  for (const theme of ["light", "dark"] as const) {
    const [low, middle, high] = [divergingColor(-1, theme), divergingColor(0, theme), divergingColor(1, theme)];
    expect(new Set([low, middle, high].map(String)).size).toBe(3);
    expect(divergingColor(-5, theme)).toEqual(low);
    // The middle is that of the paper: dark on dark, light on light.
    expect(inkOn(middle)).toBe(theme === "light" ? "#000" : "#fff");
  }
});

function network(...sizes: readonly number[]): DiagramLayer[] {
  return sizes.map((size, layer) => ({
    label: `layer ${layer}`,
    units: Array.from({ length: size }, (_, unit) => ({ label: `${unit}`, ...(layer > 0 ? { bias: 0.1 } : {}) })),
    ...(layer > 0 ? { weights: new Float32Array(size * (sizes[layer - 1] ?? 0)) } : {}),
  }));
}

function placed(layers: readonly DiagramLayer[], width = 900): ReturnType<typeof layoutOf> {
  return layoutOf({ layers, width, firstLayer: 0, firstUnits: [], hasLoss: false });
}

describe("the diagram", () => {
  test("units stand in their columns, inside of the drawing, and do not touch", () => {
    const { columns, box, width, height } = placed(network(2, 16, 3));
    expect(columns.map(({ units }) => units.length)).toEqual([2, 16, 3]);
    for (const { units } of columns) {
      units.forEach((unit, i) => {
        expect(unit.x - box.width / 2).toBeGreaterThan(0);
        expect(unit.x + box.width / 2).toBeLessThan(width);
        expect(unit.y + box.height / 2).toBeLessThan(height);
        expect((units[i + 1]?.y ?? Infinity) - unit.y).toBeGreaterThan(box.height);
      });
    }
  });

  test("more layers and units than fit are folded, and counted", () => {
    const layers = network(2, 40, ...new Array<number>(mostLayers).fill(3));
    const { columns, left, right } = layoutOf({
      layers,
      width: 900,
      firstLayer: 1,
      firstUnits: [0, 30],
      hasLoss: true,
    });
    expect([left, columns.length, right]).toEqual([1, mostLayers, 1]);
    const [folded] = columns;
    expect(folded?.units.length).toBe(mostUnits);
    expect([folded?.above, folded?.below]).toEqual([24, 0]);
    expect(windowStart(0, 40, 16, 20)).toBe(5);
    expect(windowStart(10, 40, 16, 3)).toBe(3);
    expect(windowStart(99, 40, 16)).toBe(24);
    expect(windowStart(3, 10, 16)).toBe(0);
  });

  test("what is under the pointer: each unit, each bias, each edge along its whole length", () => {
    const layers = network(3, 4, 2);
    const layout = placed(layers);
    for (const { layer, units } of layout.columns) {
      for (const unit of units) {
        expect(hitAt(layout, layers, unit.x, unit.y)).toEqual({ kind: "unit", layer, unit: unit.unit });
        const atBias = hitAt(layout, layers, ...biasPlace(unit, layout.box));
        // An input has none: the unit's own corner is there, or nothing.
        expect(atBias?.kind === "bias").toBe(layer > 0);
        expect([unit.unit, undefined]).toContain(atBias?.unit);
      }
    }
    for (const after of layout.columns.slice(1)) {
      const before = layout.columns[after.layer - 1];
      for (const to of after.units) {
        for (const from of before?.units ?? []) {
          const line = lineBetween(from, to, layout.box);
          const found = [0.2, 0.35, 0.5, 0.65, 0.8].map((t) => {
            // The same curve, by its control points.
            const middle = (line.fromX + line.toX) / 2;
            const along = [line.fromX, middle, middle, line.toX];
            const across = [line.fromY, line.fromY, line.toY, line.toY];
            return hitAt(layout, layers, bezier(along, t), bezier(across, t));
          });
          expect(found).toContainEqual({ kind: "edge", layer: after.layer, unit: to.unit, from: from.unit });
          for (const hit of found) expect(hit?.kind).toBe("edge");
        }
      }
    }
    expect(hitAt(layout, layers, 1, 1)).toBeUndefined();
  });

  test("edges without numbers cannot be chosen", () => {
    const layers = network(1, 1).map(({ label, units }) => ({ label, units }));
    const layout = placed(layers);
    const [a, b] = layout.columns.map(({ units }) => units[0]);
    expect(hitAt(layout, layers, ((a?.x ?? 0) + (b?.x ?? 0)) / 2, a?.y ?? 0)).toBeUndefined();
  });
});

function bezier([a = 0, b = 0, c = 0, d = 0]: readonly number[], t: number): number {
  return a * (1 - t) ** 3 + 3 * b * t * (1 - t) ** 2 + 3 * c * t * t * (1 - t) + d * t ** 3;
}

test("keys lead to every unit, weight and bias, and back", () => {
  const layers = network(2, 4, 1);
  const unit = (layer: number, at: number) => ({ kind: "unit", layer, unit: at }) as const;
  const edge = (layer: number, at: number, from: number) => ({ kind: "edge", layer, unit: at, from }) as const;
  expect(movedBy("ArrowRight", unit(0, 1), layers)).toEqual(unit(1, 2));
  expect(movedBy("ArrowLeft", unit(1, 3), layers)).toEqual(unit(0, 1));
  expect(movedBy("ArrowRight", unit(2, 0), layers)).toBeUndefined();
  expect(movedBy("ArrowDown", unit(1, 3), layers)).toEqual(unit(1, 3));
  expect(movedBy("Home", unit(1, 3), layers)).toEqual(unit(1, 0));
  expect(movedBy("w", unit(1, 3), layers)).toEqual(edge(1, 3, 0));
  expect(movedBy("w", unit(0, 0), layers)).toBeUndefined();
  expect(movedBy("ArrowDown", edge(1, 3, 0), layers)).toEqual(edge(1, 3, 1));
  expect(movedBy("ArrowDown", edge(1, 3, 1), layers)).toEqual(edge(1, 3, 1));
  expect(movedBy("ArrowLeft", edge(1, 3, 1), layers)).toEqual(unit(0, 1));
  expect(movedBy("Escape", edge(1, 3, 1), layers)).toEqual(unit(1, 3));
  expect(movedBy("b", unit(1, 3), layers)).toEqual({ kind: "bias", layer: 1, unit: 3 });
  expect(movedBy("b", unit(0, 0), layers)).toBeUndefined();
  expect(movedBy("ArrowRight", { kind: "bias", layer: 1, unit: 3 }, layers)).toEqual(unit(1, 3));
});
